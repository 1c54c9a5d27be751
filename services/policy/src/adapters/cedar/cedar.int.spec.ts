/** The real engine, with the worker. */
import { readFileSync } from 'node:fs'
import { sha256 } from '@credence/shared/digest'
import { describe, expect, it } from 'vitest'
import { agent, CALENDAR, DIGEST } from '../../../../../infra/testing/facts.ts'
import type { EvaluationContext, Question } from '../../domain/decision.ts'
import { checkPolicies, createCedar, ENGINE } from './cedar.ts'

const PERMIT = '@id("all") permit(principal, action, resource);'

const question = (part: Partial<Question['resource']> = {}, action = 'calendar.book'): Question => ({
  agentId: '',
  grantId: '',
  tokenId: '',
  action,
  resource: { type: 'CalendarEvent', id: '1', sensitivity: 'internal', ...part },
  audience: CALENDAR,
})
const place: EvaluationContext = {
  location: { name: 'office', trusted: true },
  depth: 0,
  attestationStatus: 'affirming',
}
const broken: Error[] = []
const engine = createCedar((error) => broken.push(error))
const somebody = { ...agent(), state: 'active' as const }

async function ask(text: string, asked = question(), context = place) {
  return engine.load(await checkPolicies(text))(asked, somebody, context)
}
const refused = (text: string) =>
  checkPolicies(text).then(
    () => 'accepted',
    (error) => {
      expect(error).toMatchObject({ status: 'invalid_argument', violations: [{ field: 'cedar' }] })
      return error.message as string
    },
  )

describe('checking policies', () => {
  it('names them by @id, and makes the version of schema, text and engine', async () => {
    const text = `${PERMIT}\n@id("none") forbid(principal, action == Action::"mail.send", resource);`
    const set = await checkPolicies(text)
    expect(set).toMatchObject({ policy_ids: ['all', 'none'], cedar: text, engine: ENGINE })
    expect(set.schema).toContain('action "mail.send", "any other"')
    expect(set.version).toBe(sha256(JSON.stringify([set.schema, text, ENGINE])))
    expect((await checkPolicies(`${text} `)).version).not.toBe(set.version)
  })

  for (const [what, text, message] of [
    [
      'no @id',
      `${PERMIT} permit(principal, action, resource) when { 1 < 2 };`,
      /permit\(principal.* needs an annotation/,
    ],
    ['an odd @id', '@id("A b") permit(principal, action, resource);', /needs an annotation/],
    ['the same @id twice', `${PERMIT} ${PERMIT}`, /two policies have the @id "all"/],
    ['nothing', '// nothing', /holds no policy/],
    ['a syntax error', '@id("x") permit(principal, action', /unexpected|expected/],
    ['a template', '@id("x") permit(principal == ?principal, action, resource);', /templates/],
    [
      'an attribute that does not exist',
      '@id("x") permit(principal, action, resource) when { resource.owner == "a" };',
      /owner/,
    ],
    [
      'a misspelt part of the context',
      '@id("x") forbid(principal, action, resource) when { context.locatio.trusted };',
      /locatio/,
    ],
    [
      'a comparison of different types',
      '@id("x") permit(principal, action, resource) when { principal.depth == "1" };',
      /type/,
    ],
    ['another entity type', '@id("x") permit(principal is Human, action, resource);', /Human/],
    ['an action that is none', '@id("x") permit(principal, action == Action::"calendar.*", resource);', /calendar\.\*/],
  ] as const)
    it(`refuses ${what}, and says so`, async () => {
      expect(await refused(text)).toMatch(message)
    })

  it('refuses more than 40 KB, and more than 500 policies', async () => {
    expect(await refused(`${PERMIT}//${'x'.repeat(40_000)}`)).toMatch(/40000 bytes/)
    const many = Array.from({ length: 501 }, (_, n) => `@id("p${n}") permit(principal, action, resource);`).join('\n')
    expect(await refused(many)).toMatch(/500 policies/)
  })

  it('takes 500 policies', async () => {
    const many = Array.from({ length: 500 }, (_, n) => `@id("p${n}") permit(principal, action, resource);`).join('\n')
    expect((await checkPolicies(many)).policy_ids).toHaveLength(500)
  })

  const nested = (open: string, close: string, depth: number) =>
    `@id("x") permit(principal, action, resource) when { ${open.repeat(depth)}true${close.repeat(depth)} };`

  for (const [what, text] of [
    ['150 nested parentheses', nested('(', ')', 150)],
    ['5000 nested parentheses', nested('(', ')', 5_000)],
    ['1000 nested lists', nested('[', ']', 1_000)],
    ['a sum of 2000', `@id("x") permit(principal, action, resource) when { 1${' + 1'.repeat(2_000)} > 0 };`],
    [
      'a chain of 1000 attributes',
      `@id("x") permit(principal, action, resource) when { context${'.a'.repeat(1_000)} };`,
    ],
  ] as const)
    it(`survives ${what}: the worker dies, and what decides goes on`, async () => {
      const evaluate = engine.load(await checkPolicies(PERMIT))
      expect(await refused(text)).not.toBe('accepted')
      expect(evaluate(question(), somebody, place).permit).toBe(true)
      expect((await checkPolicies(PERMIT)).policy_ids).toEqual(['all'])
    })

  for (const depth of [20, 60, 100, 120])
    it(`what it lets through, the deciding process can load: depth ${depth}`, async () => {
      const set = await checkPolicies(nested('(', ')', depth)).catch(() => undefined)
      if (set) expect(engine.load(set)(question(), somebody, place).permit).toBe(true)
      expect(engine.load(await checkPolicies(PERMIT))(question(), somebody, place).permit).toBe(true)
    })
})

describe('evaluating', () => {
  it('passes everything that the schema promises', async () => {
    const text = `@id("x") permit(principal == Agent::"${somebody.agent}", action == Action::"calendar.book", resource == Resource::"CalendarEvent::1")
      when { principal.blueprint == "meeting-scheduler" && principal.kind == "ephemeral" && principal.autonomy == "delegated" &&
        principal.model_provider == "acme" && principal.model_name == "small" && principal.depth == 2 &&
        resource.type == "CalendarEvent" && resource.sensitivity == "internal" && resource.location == "${CALENDAR}" &&
        context.location.name == "office" && context.location.trusted && context.attestation.status == "affirming" &&
        context.audience == "${CALENDAR}" };`
    expect(await ask(text, question(), { ...place, depth: 2 })).toEqual({ permit: true, policyIds: ['x'], errors: [] })
    expect(await ask(text, question(), { ...place, depth: 1 })).toEqual({ permit: false, policyIds: [], errors: [] })
  })

  it('reports policies that could not be evaluated, and keeps the verdict of the others', async () => {
    const overflow = '9223372036854775807 + principal.depth'
    const text = `${PERMIT} @id("limit") forbid(principal, action, resource) when { ${overflow} > 0 };`
    expect(await ask(text, question(), { ...place, depth: 1 })).toEqual({
      permit: true,
      policyIds: ['all'],
      errors: ['limit'],
    })
  })

  it('keeps policy sets apart', async () => {
    const permit = engine.load(await checkPolicies(PERMIT))
    const forbid = engine.load(await checkPolicies('@id("no") forbid(principal, action, resource);'))
    expect(permit(question(), somebody, place).permit).toBe(true)
    expect(forbid(question(), somebody, place)).toEqual({ permit: false, policyIds: ['no'], errors: [] })
    expect(permit(question(), somebody, place).permit).toBe(true)
    expect(broken).toEqual([])
  })

  it('cannot load what no engine checked', () => {
    const set = { version: DIGEST, cedar: 'permit(', schema: '', policy_ids: [], engine: ENGINE }
    expect(() => engine.load(set)).toThrow(DIGEST)
  })
})

describe('the policies of the development stack', () => {
  const text = readFileSync(new URL('../../../../../infra/dev/policies.cedar', import.meta.url), 'utf8')
  const elsewhere = { ...place, location: { name: 'unknown', trusted: false } }

  for (const sensitivity of ['public', 'internal', 'confidential', 'restricted'] as const)
    it(`let agents use their grants on ${sensitivity} data`, async () => {
      const secret = sensitivity === 'confidential' || sensitivity === 'restricted'
      expect(await ask(text, question({ sensitivity }))).toMatchObject({
        permit: true,
        policyIds: ['agents-use-their-grants'],
      })
      expect(await ask(text, question({ sensitivity }), elsewhere)).toEqual({
        permit: !secret,
        policyIds: [secret ? 'sensitive-data-from-trusted-networks-only' : 'agents-use-their-grants'],
        errors: [],
      })
    })
})
