/** Versions that can be asked: by our engine, and by cedar-wasm where it has to stand in. */
import { readSchema } from '@credence/cedar/schema'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { check } from './check.ts'
import { ENGINE, load } from './load.ts'
import type { PolicyInput } from './policies.ts'
import { requestBuilder } from './request.ts'
import { input } from './testing/input.ts'
import { evaluateByWasm, WASM } from './wasm.ts'

const SCHEMA = `
entity Department enum ["hr", "it"];
entity Invoice = { total: decimal, department?: Department, pages?: Long, seen?: datetime, from?: ipaddr, tags?: Set<String> };
action reading;
action "invoice.read" in [reading] appliesTo { principal: Agent, resource: [Invoice, Resource] };
action "invoice.pay" appliesTo { principal: Agent, resource: Invoice, context: { recipient: String, copies?: Long } };
`
const readOf = (policies: string, schema = SCHEMA) => {
  const { read, findings } = check({ policies, schema })
  if (!read) throw new Error(JSON.stringify(findings))
  return read
}
const version = (policies: string, schema = SCHEMA) => load('v', readOf(policies, schema))
const permits = (condition: string, asked: Partial<PolicyInput> = {}, schema = SCHEMA) => {
  const { engine, evaluate } = version(`@id("a") permit(principal, action, resource) when { ${condition} };`, schema)
  const verdict = evaluate(input(asked))
  expect([engine, verdict.errors]).toEqual([ENGINE, []])
  return verdict.permits.length === 1
}
const invoice = (properties = '{"total": "100.50"}') => ({
  resource: { type: 'Invoice', id: '7', sensitivity: 'restricted' as const, properties },
})

describe('what policies read', () => {
  const everything: Partial<PolicyInput> = {
    depth: 2,
    human: { human: 'hum_1', groups: ['marketing'] },
    signIn: { acr: 'phr', amr: ['pwd', 'hwk'], at: '2026-11-24T11:30:00.000Z' },
    task: { purpose: 'Book', trigger: { type: 'ticket', source: 'https://desk', id: 't1', digest: 'd' } },
    amount: { currency: 'EUR', value: '12.5' },
    attestation: {
      status: 'affirming',
      kinds: ['software', 'model-signing'],
      age: 60_000,
      composition: { program: 'p', model: 'm', prompt: 'q', tool_manifest: 't' },
      modelGrade: 'files',
    },
    risk: { level: 2, codes: ['unusual_hours'] },
  }
  for (const [part, condition] of [
    [
      'the agent',
      'principal == Agent::"agt_01" && principal in Blueprint::"meeting-scheduler" && principal.blueprint == "meeting-scheduler"',
    ],
    [
      'its kind',
      'principal.kind == "ephemeral" && principal.autonomy == "delegated" && principal.purpose == "Books meetings" && principal.depth == 2',
    ],
    ['who answers for it', 'principal.owner == "hum_owner" && principal.sponsor == "hum_sponsor"'],
    ['its model', `principal.model == { provider: "acme", name: "small", version: "1", digest: "${'a'.repeat(64)}" }`],
    ['its labels', 'principal.hasTag("team") && principal.getTag("team") == "marketing"'],
    [
      'a resource of any type',
      'resource == Resource::"CalendarEvent::1" && resource.type == "CalendarEvent" && resource.sensitivity == "internal" && resource.location == "https://calendar.acme.example"',
    ],
    ['the time', 'context.now == datetime("2026-11-24T12:00:00Z") && context.now.toTime() == duration("12h")'],
    [
      'places',
      'context.location == { name: "office", trusted: true } && context.enforcement_point.location.name == "dc" && context.enforcement_point.id like "spiffe://*"',
    ],
    ['the resource server', 'context.audience == "https://calendar.acme.example"'],
    [
      'the attestation',
      'context.attestation.status == "affirming" && context.attestation has age && context.attestation.age == duration("1m") && context.attestation.kinds.contains("model-signing") && context.attestation.kinds == ["model-signing", "software"]',
    ],
    [
      'what the agent is made of',
      'context.attestation has program && context.attestation.program == "p" && context.attestation has model && context.attestation.model == "m" && context.attestation has prompt && context.attestation.prompt == "q" && context.attestation has tool_manifest && context.attestation.tool_manifest == "t" && context.attestation has model_grade && context.attestation.model_grade == "files"',
    ],
    ['the risk', 'context.risk.level == 2 && context.risk.codes.contains("unusual_hours")'],
    ['the delegation', 'context.delegation.depth == 2'],
    ['the human', 'context has human && context.human.id == "hum_1" && context.human.groups == ["marketing"]'],
    [
      'the sign-in',
      'context has sign_in && context.sign_in has acr && context.sign_in.acr == "phr" && context.sign_in.amr.contains("hwk") && context.sign_in.age == duration("30m")',
    ],
    [
      'the task',
      'context has task && context.task.purpose == "Book" && context.task.trigger == { type: "ticket", source: "https://desk" }',
    ],
    ['the amount', 'context has amount && context.amount.currency == "EUR" && context.amount.value == decimal("12.5")'],
  ] as const)
    it(part, () => expect(permits(condition, everything)).toBe(true))

  it('is absent where nothing is known', () =>
    expect(
      permits(
        '!(context has human) && !(context has sign_in) && !(context has task) && !(context has amount) && context.attestation.status == "none" && context.attestation.kinds.isEmpty() && !(context.attestation has age) && !(context.attestation has model_grade)',
      ),
    ).toBe(true))

  it('properties, as the platform’s schema declares them', () => {
    const told =
      '{"total":"100.50","department":{"type":"Department","id":"hr"},"pages":9007199254740993,"seen":"2026-01-01","from":"10.0.0.1","tags":["a","b"]}'
    const condition = `resource is Invoice && resource == Invoice::"7" && resource.total.greaterThan(decimal("100.0")) && resource.type == "Invoice" &&
      resource has department && resource.department == Department::"hr" && resource has pages && resource.pages == 9007199254740993 &&
      resource has seen && resource.seen < context.now && resource has from && resource.from.isInRange(ip("10.0.0.0/8")) && resource has tags && resource.tags == ["b", "a"]`
    expect(permits(condition, { action: 'invoice.read', ...invoice(told) })).toBe(true)
  })
  it('arguments of an action that declares them, and of no other', () => {
    const asked = { action: 'invoice.pay', ...invoice(), arguments: '{"recipient": "acme", "copies": 2}' }
    const condition = 'context has arguments && context.arguments.recipient == "acme" && context.arguments has copies'
    const text = `@id("a") permit(principal, action == Action::"invoice.pay", resource) when { ${condition} };`
    expect(version(text).evaluate(input(asked)).permits).toEqual(['a'])
    expect(permits('true', { action: 'mail.send', arguments: 'not even JSON' })).toBe(true)
  })
  it('groups of actions, which need the schema', () => {
    const { evaluate } = version('@id("a") permit(principal, action in Action::"reading", resource);')
    expect(evaluate(input({ action: 'invoice.read', ...invoice() })).permits).toEqual(['a'])
    expect(evaluate(input({ action: 'mail.send' })).permits).toEqual([])
  })
})

describe('what does not fit the schema', () => {
  const { evaluate } = version('@id("a") permit(principal, action, resource);')
  const SECRET = 'hunter2'
  for (const [what, asked, part] of [
    ['a missing property', { action: 'invoice.read', ...invoice('{}') }, 'properties'],
    ['no properties at all', { action: 'invoice.read', ...invoice('') }, 'properties'],
    ['a property of another type', { action: 'invoice.read', ...invoice(`{"total": "${SECRET}"}`) }, 'properties'],
    [
      'a property that is not declared',
      { action: 'invoice.read', ...invoice(`{"total": "1.0", "${SECRET}": 1}`) },
      'properties',
    ],
    [
      'what Credence tells itself',
      { action: 'invoice.read', ...invoice('{"total": "1.0", "sensitivity": "public"}') },
      'properties',
    ],
    ['a key given twice', { action: 'invoice.read', ...invoice('{"total": "1.0", "total": "2.0"}') }, 'properties'],
    ['a fraction', { action: 'invoice.read', ...invoice('{"total": "1.0", "pages": 1.5}') }, 'properties'],
    [
      'an integer past 64 bits',
      { action: 'invoice.read', ...invoice('{"total": "1.0", "pages": 9223372036854775808}') },
      'properties',
    ],
    [
      'an entity that is not listed',
      { action: 'invoice.read', ...invoice('{"total":"1.0","department":{"type":"Department","id":"x"}}') },
      'properties',
    ],
    ['no JSON', { action: 'invoice.pay', ...invoice(), arguments: SECRET }, 'arguments'],
    [
      'too much',
      { action: 'invoice.pay', ...invoice(), arguments: `{"recipient": "${'x'.repeat(70_000)}"}` },
      'arguments',
    ],
    ['an argument that is missing', { action: 'invoice.pay', ...invoice(), arguments: '{}' }, 'arguments'],
    ['a resource that the action does not apply to', { action: 'invoice.pay' }, 'resource'],
    ['half of a surrogate pair', { resource: { type: 'X', id: '\ud800', sensitivity: 'public' } }, 'resource'],
    ['an amount of five digits', { amount: { currency: 'EUR', value: '0.00001' } }, 'amount'],
    ['an amount past 64 bits', { amount: { currency: 'EUR', value: '922337203685478' } }, 'amount'],
  ] as const)
    it(`${what}: no policy is asked, and the problem says nothing of the values`, () => {
      const verdict = evaluate(input(asked))
      expect(verdict).toEqual({
        permits: [],
        forbids: [],
        errors: [],
        erroredForbids: [],
        misfits: [{ part, problem: expect.any(String) }],
      })
      expect(JSON.stringify(verdict)).not.toContain(SECRET)
    })
  it('an amount may have zeros that say nothing', () =>
    expect(evaluate(input({ amount: { currency: 'EUR', value: '1.500000' } })).permits).toEqual(['a']))
})

describe('a verdict', () => {
  it('names all permits and forbids that applied, and what failed', () => {
    const text = `@id("p1") permit(principal, action, resource); @id("p2") permit(principal, action, resource);
      @id("f1") forbid(principal, action, resource); @id("f2") forbid(principal, action == Action::"x.y", resource);
      @id("e1") permit(principal, action, resource) when { principal.depth + 9223372036854775807 > 0 };
      @id("e2") forbid(principal, action, resource) when { principal.depth + 9223372036854775807 > 0 };
      @id("e3") forbid(principal, action == Action::"x.y", resource) when { principal.depth + 9223372036854775807 > 0 };`
    const verdict = version(text).evaluate(input({ depth: 1 }))
    expect(verdict).toEqual({ permits: ['p1', 'p2'], forbids: ['f1'], errors: ['e1', 'e2'], erroredForbids: ['e2'] })
  })
  it('knows what annotations mean', () => {
    const { meaningOf } = version(`
      @id("p") @log_more("why") @mask_fields("email phone") @limit_rows("10") @relied_seconds("30") permit(principal, action, resource);
      @id("f") @require_approval("security-operator") @approvals("2") @approval_within("600") forbid(principal, action, resource);
      @id("n") @require_approval("delegator") forbid(principal, action, resource);`)
    expect(meaningOf('p')).toEqual({
      obligations: [
        { id: 'p', type: 'log_more', properties: { note: 'why' } },
        { id: 'p', type: 'mask_fields', properties: { fields: 'email phone' } },
        { id: 'p', type: 'limit_rows', properties: { rows: '10' } },
      ],
      reliedSeconds: 30,
    })
    const approval = (approver: string, persons: number, withinSeconds: number) => ({
      approval: { approver, persons, withinSeconds },
      obligations: [],
      reliedSeconds: 0,
    })
    expect(meaningOf('f')).toEqual(approval('security-operator', 2, 600))
    expect(meaningOf('n')).toEqual(approval('delegator', 1, 900))
    expect(meaningOf('other')).toEqual({ obligations: [], reliedSeconds: 0 })
  })
})

describe('cedar-wasm', () => {
  const text = `
    @id("p1") permit(principal, action, resource) when { principal.depth < 2 };
    @id("p2") permit(principal in Blueprint::"meeting-scheduler", action in Action::"reading", resource is Invoice) when { resource.total.lessThan(decimal("50.0")) };
    @id("p3") permit(principal, action, resource) when { context has amount && context.amount.value.greaterThan(decimal("-0.5")) };
    @id("p4") permit(principal, action, resource) when { context.attestation has age && context.attestation.age < duration("1h") };
    @id("f1") forbid(principal, action, resource) when { context.now.toTime() < duration("13h") && !context.location.trusted };
    @id("f2") forbid(principal, action, resource is Invoice) when { resource has pages && resource.pages * 4611686018427387904 > 0 };
    @id("f3") forbid(principal, action == Action::"invoice.pay", resource) when { context has arguments && context.arguments.recipient like "a*" };
    @id("f4") forbid(principal, action, resource is Invoice) when { resource has from && resource.from.isLoopback() };`
  const asked = fc.record({
    depth: fc.nat(3),
    action: fc.constantFrom('invoice.read', 'invoice.pay', 'mail.send'),
    ip: fc.constantFrom('127.0.0.1', '10.0.0.0/8', '::1', '2001:db8::/32'),
    total: fc.constantFrom('0.5', '-0.5', '50.0', '49.9999', '-922337203685477.5808'),
    pages: fc.option(fc.constantFrom(0, 1, 2, -7), { nil: undefined }),
    typed: fc.boolean(),
    trusted: fc.boolean(),
    recipient: fc.option(fc.constantFrom('acme', 'bcme', ''), { nil: undefined }),
    amount: fc.option(fc.constantFrom('0.5', '0', '3'), { nil: undefined }),
    age: fc.option(fc.integer({ min: 0, max: 7_200_000 }), { nil: undefined }),
    at: fc.date({ min: new Date('1960-01-01T00:00:00Z'), max: new Date('2040-01-01T00:00:00Z'), noInvalidDate: true }),
  })

  it('says the same as our engine of the same request', () => {
    const read = readOf(text)
    const ours = load('ours', read)
    const schema = readSchema(read.schema)
    const build = requestBuilder(schema)
    const wasm = evaluateByWasm('wasm', read, schema)
    expect(ours.engine).toBe(ENGINE)
    let allowed = 0
    fc.assert(
      fc.property(asked, ({ depth, action, ip, total, pages, typed, trusted, recipient, amount, age, at }) => {
        const question = input({
          now: at,
          depth,
          action,
          location: { name: 'somewhere', trusted },
          resource: typed
            ? {
                type: 'Invoice',
                id: '1',
                sensitivity: 'public',
                properties: JSON.stringify({ total, pages, from: ip }),
              }
            : { type: 'Other', id: '1', sensitivity: 'public' },
          ...(recipient !== undefined && { arguments: JSON.stringify({ recipient }) }),
          ...(amount !== undefined && { amount: { currency: 'EUR', value: amount } }),
          ...(age !== undefined && { attestation: { status: 'affirming', kinds: ['software'], age } }),
        })
        const built = build(question)
        const verdict = ours.evaluate(question)
        if ('problem' in built) {
          expect(verdict.misfits).toEqual([built])
          return
        }
        const sorted = ({ permits, forbids, errors, erroredForbids }: typeof verdict) =>
          [permits, forbids, errors, erroredForbids].map((ids) => [...ids].sort())
        expect(sorted(verdict)).toEqual(sorted(wasm(built)))
        allowed += verdict.permits.length
      }),
      { numRuns: 400 },
    )
    expect(allowed).toBeGreaterThan(100)
  })

  it('stands in for what our engine cannot run, and says so', () => {
    const names = Array.from({ length: 60_000 }, (_, n) => `"k${n}"`)
    const large = version(
      `@id("a") permit(principal, action, resource is Invoice) when { [${names.join()}].contains(principal.kind) || (resource has pages && resource.pages > 3) };`,
    )
    expect(large).toMatchObject({ engine: WASM, fallback: expect.stringContaining('"a"') })
    const pages = (count: string) =>
      large.evaluate(input({ action: 'invoice.read', ...invoice(`{"total":"1.0","pages":${count}}`) }))
    expect([pages('4').permits, pages('3').permits]).toEqual([['a'], []])
    expect(pages('9007199254740993').misfits).toEqual([
      { part: 'properties', problem: expect.stringContaining('2^53') },
    ])
  })
})
