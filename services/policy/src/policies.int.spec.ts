/** Policies as code over gRPC: the whole service as a process of its own, on a real NATS, and a second replica. */
import type { CheckResponse } from '@credence/contracts/gen/credence/policy/v1/policy'
import { PolicyServiceClient, PolicyServiceService } from '@credence/contracts/gen/credence/policy/v1/policy'
import { promised } from '@credence/shared/rpc/client'
import { clientCredentials } from '@credence/shared/rpc/tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../../../infra/dev/ports.ts'
import * as facts from '../../../infra/testing/facts.ts'
import { detail } from '../../../infra/testing/facts.ts'
import { checkOf, type House, openHouse, PATIENT, type Policy } from './testing/house.ts'

let house: House
let author: Policy
let second: Policy
let auditor: Policy
let enforcement: Policy

beforeAll(async () => {
  house = await openHouse()
  author = await house.workload('operator/anna')
  second = await house.workload('operator/ben')
  auditor = await house.workload('auditor/one')
  enforcement = await house.workload('enforcement-point/calendar')
}, 60_000)
afterAll(() => house?.close())

const ALL = '@id("all") permit(principal, action, resource);'
const NOT_TODAY = `${ALL}\n@id("not-today") forbid(principal, action == Action::"calendar.book", resource);`
const SCHEMA = `entity CalendarEvent = { seats: Long };
action "calendar.book_room" appliesTo { principal: Agent, resource: CalendarEvent, context: { purpose: String } };`

const draft = (cedar: string, part: { schema?: string; comment?: string } = {}, by = author) =>
  by.draftPolicies({ cedar, schema: '', comment: '', ...part }, PATIENT).then(({ version }) => version)
const validate = (version: string) => author.validatePolicies({ version }, PATIENT)
const signed = async (cedar: string, part: { schema?: string } = {}) => {
  const version = await draft(cedar, part)
  expect(await validate(version)).toMatchObject({ valid: true })
  await second.signOffPolicies({ version, comment: 'read' })
  return version
}
const activate = (version: string) => second.activatePolicies({ version }, PATIENT)
const stateOf = async (version: string) => {
  const { policies } = await auditor.getPolicies({ version }, PATIENT)
  return policies?.state.replace('POLICIES_STATE_', '').toLowerCase()
}
const outcome = ({ decision, reasons }: CheckResponse) =>
  [decision.replace('DECISION_', '').toLowerCase(), ...reasons.map(({ code }) => code)].join(' ')

async function atWork(details = [detail()]) {
  const worker = await house.agent({}, { authorization_details: details })
  const { grant } = await worker.openTask({ authorizationDetails: details })
  return (part: Parameters<typeof checkOf>[2] = {}) => enforcement.check(checkOf(worker, grant?.id ?? '', part))
}

describe('the life of a version', () => {
  it('before any is active every decision is a denial that says so', async () => {
    const worker = await house.agent()
    const { grant } = await worker.openTask()
    expect(outcome(await enforcement.check(checkOf(worker, grant?.id ?? '')))).toBe('deny policy_none')
    await expect(auditor.getPolicies({ version: '' })).rejects.toMatchObject({ reason: 'policies_not_found' })
  })

  it('draft, validated, signed off by a second person, active, and back again', async () => {
    const version = await draft(ALL, { comment: 'To begin with' })
    expect(await stateOf(version)).toBe('draft')
    await expect(second.signOffPolicies({ version, comment: '' })).rejects.toMatchObject({ reason: 'not_validated' })
    await expect(activate(version)).rejects.toMatchObject({ reason: 'not_validated' })
    expect(await validate(version)).toMatchObject({ valid: true, findings: [], policyIds: ['all'] })
    expect(await stateOf(version)).toBe('validated')
    await expect(activate(version)).rejects.toMatchObject({ reason: 'not_signed_off' })
    await expect(author.signOffPolicies({ version, comment: '' })).rejects.toMatchObject({
      status: 'permission_denied',
      reason: 'second_person_needed',
    })
    await second.signOffPolicies({ version, comment: 'read' })
    expect(await activate(version)).toMatchObject({ previous: '' })
    expect(await stateOf('')).toBe('active')
    const ask = await atWork()
    expect(outcome(await ask())).toBe('allow')

    const next = await signed(NOT_TODAY)
    expect(outcome(await ask())).toBe('allow')
    const activated = await activate(next)
    expect(activated.previous).toBe(version)
    expect(outcome(await ask({ notBefore: [activated.position] }))).toBe('deny policy_forbids')
    expect([await stateOf(version), await stateOf(next)]).toEqual(['validated', 'active'])
    await expect(second.retirePolicies({ version: next })).rejects.toMatchObject({ reason: 'policies_active' })

    expect((await activate(version)).previous).toBe(next)
    expect(outcome(await ask())).toBe('allow')
    await second.retirePolicies({ version: next })
    expect(await stateOf(next)).toBe('retired')
    await expect(activate(next)).rejects.toMatchObject({ reason: 'policies_retired' })
    await expect(draft(NOT_TODAY)).rejects.toMatchObject({ reason: 'policies_retired' })
    expect(await auditor.getPolicies({ version }, PATIENT)).toMatchObject({
      cedar: ALL,
      schema: '',
      wholeSchema: expect.stringContaining('entity Agent'),
      policies: {
        author: `spiffe://${house.stack.trustDomain}/operator/anna`,
        signedOffBy: `spiffe://${house.stack.trustDomain}/operator/ben`,
        comment: 'To begin with',
        policyCount: 1,
      },
    })
  })

  it('the same text is the same version, and changes nothing when it is sent again', async () => {
    const text = `${ALL} // again`
    const first = await author.draftPolicies({ cedar: text, schema: '', comment: 'one' })
    const again = await second.draftPolicies({ cedar: text, schema: '', comment: 'two' })
    expect(again.version).toBe(first.version)
    expect((await auditor.getPolicies({ version: first.version })).policies?.comment).toBe('one')
    expect(await draft(text, { schema: SCHEMA })).not.toBe(first.version)
  })

  it('a draft with errors stays a draft, and the findings say why', async () => {
    const version = await draft(
      `${ALL} @id("typo") forbid(principal, action, resource) when { context.locatio.trusted };`,
    )
    const { valid, findings } = await validate(version)
    expect(valid).toBe(false)
    const wanted = { severity: 'error', code: 'type', policyId: 'typo', message: expect.stringContaining('locatio') }
    expect(findings).toEqual([expect.objectContaining(wanted)])
    expect(await stateOf(version)).toBe('draft')
  })

  it('keeps the warnings of a version that is valid', async () => {
    const version = await draft(`${ALL} @id("twice") permit(principal, action == Action::"a.b", resource);`)
    const wanted = { severity: 'warning', code: 'shadowed', policyId: 'twice' }
    expect(await validate(version)).toMatchObject({ valid: true, findings: [wanted] })
    expect((await auditor.getPolicies({ version }, PATIENT)).policies?.findings).toMatchObject([wanted])
  })

  it('text that kills the engine is a finding, and the service goes on', async () => {
    const ask = await atWork()
    const nested = `@id("x") permit(principal, action, resource) when { ${'('.repeat(150)}true${')'.repeat(150)} };`
    const { valid, findings } = await validate(await draft(nested))
    expect([valid, findings.map(({ code }) => code)]).toEqual([false, ['limit']])
    expect(outcome(await ask())).toBe('allow')
  })
})

describe('a platform’s schema', () => {
  it('is part of the version: its resource types, and the arguments of its actions, can be decided on', async () => {
    const version = await signed(
      `${ALL} @id("small-rooms") forbid(principal, action == Action::"calendar.book_room", resource) when { resource.seats > 20 };
       @id("no-parties") forbid(principal, action, resource) when { action == Action::"calendar.book_room" && context has arguments && context.arguments.purpose == "party" };`,
      { schema: SCHEMA },
    )
    await activate(version)
    const ask = await atWork()
    const about = (properties: string, told = '{"purpose":"meeting"}') =>
      ask({
        action: 'calendar.book_room',
        resource: { type: 'CalendarEvent', id: 'r1', sensitivity: 'internal', properties },
        arguments: told,
      }).then(outcome)
    expect(await about('{"seats":12}')).toBe('allow')
    expect(await about('{"seats":40}')).toBe('deny policy_forbids')
    expect(await about('{"seats":12}', '{"purpose":"party"}')).toBe('deny policy_forbids')
    expect(await about('{"seats":"12"}')).toBe('deny properties_misfit')
    expect(await about('{"seats":12}', '{"purpose":"meeting","more":1}')).toBe('deny arguments_misfit')
  })
  it('that takes our names is a finding', async () => {
    const { valid, findings } = await validate(await draft(ALL, { schema: 'entity Agent;' }))
    expect([valid, findings[0]?.code, findings[0]?.message]).toEqual([
      false,
      'schema',
      expect.stringContaining('Agent'),
    ])
  })
})

describe('report-only', () => {
  it('decides and records beside the active version, and enforces nothing', async () => {
    await activate(await signed(`${ALL} // report`))
    const version = await draft(`${NOT_TODAY} // report`)
    await validate(version)
    await author.reportPolicies({ version, report: true }, PATIENT)
    expect(await stateOf(version)).toBe('report_only')
    const ask = await atWork()
    const answer = await ask()
    expect(outcome(answer)).toBe('allow')
    const made = (await house.read('DECISIONS'))
      .flatMap(({ facts: recorded }) => recorded)
      .find(({ data }) => 'decision' in data && data.decision === answer.decisionId)
    expect(made?.data).toMatchObject({ reports: [{ version, outcome: 'deny', verdict: { forbids: ['not-today'] } }] })
    await expect(author.retirePolicies({ version })).rejects.toMatchObject({ reason: 'policies_reporting' })
    await author.reportPolicies({ version, report: false })
    expect(await stateOf(version)).toBe('validated')
  })
})

describe('looking at versions', () => {
  it('lists them, the newest first, page by page', async () => {
    const wanted = [await draft(`${ALL} // list 1`), await draft(`${ALL} // list 2`)]
    const seen: string[] = []
    let pageToken = ''
    do {
      const page = await auditor.listPolicies({ pageSize: 3, pageToken })
      expect(page.versions.length).toBeLessThanOrEqual(3)
      seen.push(...page.versions.map(({ version }) => version))
      pageToken = page.nextPageToken
    } while (pageToken)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.slice(0, 2)).toEqual(wanted.reverse())
  })
  it('compares them policy by policy, whatever their order', async () => {
    const from = await draft(
      '@id("a") permit(principal, action, resource);\n@id("b") forbid(principal, action, resource);',
    )
    const to = await draft(
      '@id("c") permit(principal, action, resource);\n@id("a") permit(principal, action == Action::"a.b", resource);',
      { schema: SCHEMA },
    )
    expect(await auditor.diffPolicies({ from, to }, PATIENT)).toMatchObject({
      changes: [
        {
          policyId: 'a',
          change: 'changed',
          before: '@id("a") permit(principal, action, resource);',
          after: '@id("a") permit(principal, action == Action::"a.b", resource);',
        },
        { policyId: 'b', change: 'removed', before: '@id("b") forbid(principal, action, resource);', after: '' },
        { policyId: 'c', change: 'added', before: '', after: '@id("c") permit(principal, action, resource);' },
      ],
      schemaChanged: true,
    })
  })
})

describe('callers and their input', () => {
  it('has a role for every call', async () => {
    const version = facts.DIGEST
    const denied = { status: 'permission_denied', reason: 'role_missing' }
    await expect(auditor.draftPolicies({ cedar: ALL, schema: '', comment: '' })).rejects.toMatchObject(denied)
    for (const call of [
      () => enforcement.validatePolicies({ version }),
      () => auditor.signOffPolicies({ version, comment: '' }),
      () => auditor.activatePolicies({ version }),
      () => auditor.retirePolicies({ version }),
      () => auditor.reportPolicies({ version, report: true }),
      () => enforcement.listPolicies({ pageSize: 0, pageToken: '' }),
      () => enforcement.getPolicies({ version: '' }),
      () => enforcement.diffPolicies({ from: version, to: version }),
    ])
      await expect(call()).rejects.toMatchObject(denied)
  })
  it('names the field that is wrong', async () => {
    const large = `${ALL}//${'x'.repeat(3 * 1024 * 1024)}`
    const about = { schema: '', comment: '' }
    for (const [call, field] of [
      [() => author.draftPolicies({ cedar: '', ...about }), 'cedar'],
      [() => author.draftPolicies({ cedar: large, ...about }), 'cedar'],
      [() => author.draftPolicies({ cedar: `${large}${large.slice(0, 900_000)}`, ...about }), 'request'],
      [() => author.draftPolicies({ cedar: ALL, ...about, schema: 'x'.repeat(600_000) }), 'schema'],
      [() => author.draftPolicies({ cedar: ALL, ...about, comment: 'x'.repeat(501) }), 'comment'],
      [() => author.validatePolicies({ version: 'v1' }), 'version'],
      [() => author.listPolicies({ pageSize: 101, pageToken: '' }), 'page_size'],
      [() => author.listPolicies({ pageSize: 1, pageToken: facts.DIGEST }), 'page_token'],
    ] as const)
      await expect(call()).rejects.toMatchObject({ status: 'invalid_argument', violations: [{ field }] })
    await expect(author.validatePolicies({ version: facts.DIGEST })).rejects.toMatchObject({ status: 'not_found' })
  })
})

describe('ten thousand policies', () => {
  const many = Array.from(
    { length: 9_999 },
    (_, n) => `@id("p${n}") permit(principal in Blueprint::"b${n}", action == Action::"team${n % 100}.read", resource)
when { resource.sensitivity == "internal" && context.location.trusted };`,
  )
  it('go from draft to active in bounded time, on two replicas, and after a restart', async () => {
    const [mesh = 0, publicPort = 0] = await freePorts(2)
    await house.stack.replica('policy', { mesh, public: publicPort })
    const tls = await house.stack.workload('enforcement-point/calendar')
    const serverId = `spiffe://${house.stack.trustDomain}/service/policy`
    const credentials = clientCredentials(tls.caFile, serverId, tls)
    const other = promised(new PolicyServiceClient(`127.0.0.1:${mesh}`, credentials), PolicyServiceService)
    const began = performance.now()
    const version = await signed(`${ALL}\n${many.join('\n')}`)
    const { position } = await activate(version)
    const seconds = Math.round((performance.now() - began) / 1000)
    const worker = await house.agent()
    const { grant } = await worker.openTask()
    const check = checkOf(worker, grant?.id ?? '', { notBefore: [position] })
    expect(outcome(await enforcement.check(check))).toBe('allow')
    await expect
      .poll(() => other.check(check).then(outcome, () => ''), { timeout: 120_000, interval: 1_000 })
      .toBe('allow')
    other.close()
    expect(seconds).toBeLessThan(150)
    const { cedar, policies } = await auditor.getPolicies({ version: '' }, PATIENT)
    expect([cedar.length > 1_000_000, policies?.policyCount]).toEqual([true, 10_000])

    await house.stack.service('policy').stop()
    await house.stack.start('policy')
    await expect
      .poll(() => enforcement.check(check).then(outcome, () => ''), { timeout: 120_000, interval: 1_000 })
      .toBe('allow')
  }, 400_000)
})
