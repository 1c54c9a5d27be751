/** The whole service, as a process of its own, on a real NATS. */
import type { EventData } from '@credence/contracts/events/catalog'
import type { CheckRequest, CheckResponse } from '@credence/contracts/gen/credence/policy/v1/policy'
import { newId } from '@credence/shared/ids'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as facts from '../../../infra/testing/facts.ts'
import { CALENDAR, detail } from '../../../infra/testing/facts.ts'
import { checkOf, DEVELOPMENT_POLICIES, type House, openHouse, type Policy } from './testing/house.ts'

let house: House
let operator: Policy
let enforcement: Policy
let version: string

beforeAll(async () => {
  house = await openHouse()
  operator = await house.workload('operator/soc')
  enforcement = await house.workload('enforcement-point/calendar')
  version = (await house.activate(DEVELOPMENT_POLICIES)).version
  await operator.defineLocation({ name: 'office', ranges: ['127.0.0.0/8', '::1/128'], trusted: true })
})
afterAll(() => house?.close())

const outcome = ({ decision, reasons }: CheckResponse) => ({
  decision: decision.replace('DECISION_', '').toLowerCase(),
  reasons: reasons.map(({ code }) => code),
})
const ALLOW = { decision: 'allow', reasons: [] }
const deny = (...reasons: string[]) => ({ decision: 'deny', reasons })

const lasting = () => ({ not_before: facts.hours(-1, new Date()), expires_at: facts.hours(2, new Date()) })

async function recordOf({ decisionId }: CheckResponse) {
  for (const commit of await house.read('DECISIONS'))
    for (const { type, data } of commit.facts)
      if (type === 'credence.policy.decision.made.v1' && data.decision === decisionId) return { commit, data }
  throw new Error(`${decisionId} is not recorded`)
}

describe('a task and its decisions', () => {
  it('goes from opening to completion, and the record of a decision says what it relied on', async () => {
    const worker = await house.agent()
    const { taskId, grant, dropped, position } = await worker.openTask()
    expect(dropped).toEqual([])
    const grantId = grant?.id ?? ''
    const answer = await enforcement.check(checkOf(worker, grantId))
    expect(outcome(answer)).toEqual(ALLOW)
    const { commit, data } = await recordOf(answer)
    expect(answer.position).toBe(`DECISIONS:${commit.sequence}`)
    expect(commit.correlation).toMatchObject({ task: taskId, delegation: worker.delegation.delegation })
    expect(data).toEqual({
      decision: answer.decisionId,
      outcome: 'allow',
      reasons: [],
      agent: worker.agent,
      action: 'calendar.book',
      resource: 'CalendarEvent::2026/11',
      sensitivity: 'internal',
      audience: CALENDAR,
      location: { name: 'office', trusted: true },
      enforcement_point_location: { name: 'office', trusted: true },
      protocol: 'grpc',
      enforcement_point: `spiffe://${house.stack.trustDomain}/enforcement-point/calendar`,
      token: 'token-1',
      grant: grantId,
      task: taskId,
      delegations: [worker.delegation.delegation],
      human: worker.delegation.human,
      attestation: { result: worker.result.result, status: 'affirming', expires_at: worker.result.expires_at },
      policy_version: version,
      engine: expect.stringContaining('credence-cedar'),
      verdict: { permits: ['agents-use-their-grants'], forbids: [], errors: [], errored_forbids: [] },
      snapshot: expect.stringMatching(/^[0-9a-f]{64}$/),
      token_revoked: false,
      stale: [],
      positions: {
        IDENTITY: expect.any(Number),
        ATTESTATION: expect.any(Number),
        POLICY: Number(position.split(':')[1]),
      },
      request: 'req-1',
    } satisfies EventData<'credence.policy.decision.made.v1'>)
    expect(JSON.stringify(data)).not.toContain('127.0.0.1')

    expect(await worker.client.getTask({ taskId, notBefore: [] })).toMatchObject({
      state: 'TASK_STATE_OPEN',
      grant: { id: grantId, live: true },
      trigger: facts.TRIGGER,
    })
    const completed = await worker.client.completeTask({ taskId, outcome: 'TASK_OUTCOME_SUCCEEDED' })
    const after = checkOf(worker, grantId, { notBefore: [completed.position] })
    expect(outcome(await enforcement.check(after))).toEqual(deny('grant_ended'))
    const auditor = await house.workload('auditor/one')
    expect(await auditor.getTask({ taskId, notBefore: [completed.position] })).toMatchObject({
      state: 'TASK_STATE_COMPLETED',
      grant: { live: false },
    })
  })

  it('grants less than was asked, and tells what was dropped', async () => {
    const worker = await house.agent({}, { authorization_details: [detail({ resources: ['CalendarEvent::2026/*'] })] })
    const asked = [detail({ actions: ['calendar.read'] }), detail({ actions: ['mail.send'] })]
    const { grant, dropped } = await worker.openTask({ authorizationDetails: asked })
    expect(grant?.authorizationDetails).toMatchObject([
      detail({ actions: ['calendar.read'], resources: ['CalendarEvent::2026/*'] }),
    ])
    expect(dropped).toMatchObject([
      { detail: asked[0], reason: 'outside_delegation' },
      { detail: asked[1], reason: 'outside_delegation' },
    ])
    const check = (part: Partial<CheckRequest>) =>
      enforcement.check(checkOf(worker, grant?.id ?? '', part)).then(outcome)
    expect(await check({ action: 'calendar.read' })).toEqual(ALLOW)
    expect(await check({})).toEqual(deny('outside_grant'))
  })

  it('limits stay on the grant; what a check cannot verify is denied, a window is checked', async () => {
    const hour = (count: number) => facts.hours(count, new Date())
    const amount = { currency: 'EUR', value: '3' }
    const limited = detail({ actions: ['calendar.book'], limits: { amount, patterns: [] } })
    const window = { from: hour(-1), until: hour(1) }
    const timed = detail({ actions: ['calendar.read'], limits: { patterns: [], window } })
    const later = { from: hour(1), until: hour(2) }
    const closed = detail({ actions: ['calendar.list'], limits: { patterns: [], window: later } })
    const worker = await house.agent({}, { authorization_details: [limited, timed, closed] })
    const { grant } = await worker.openTask()
    expect(grant?.authorizationDetails).toMatchObject([
      { limits: { amount } },
      { limits: { window } },
      { limits: { window: later } },
    ])
    const check = (action: string) =>
      enforcement.check(checkOf(worker, grant?.id ?? '', { action })).then(({ decision, reasons }) => ({
        decision: outcome({ decision, reasons } as CheckResponse),
        said: reasons[0]?.message,
      }))
    expect(await check('calendar.book')).toEqual({
      decision: deny('limit_unverifiable'),
      said: expect.stringContaining('cannot be verified'),
    })
    expect((await check('calendar.read')).decision).toEqual(ALLOW)
    expect((await check('calendar.list')).decision).toEqual(deny('outside_window'))
  })

  it('records a refusal and lists what was dropped', async () => {
    const worker = await house.agent()
    const asked = worker.openTask({ authorizationDetails: [detail({ actions: ['mail.send'] })] })
    await expect(asked).rejects.toMatchObject({
      status: 'failed_precondition',
      reason: 'nothing_left',
      message: expect.stringContaining('mail.send'),
    })
    const refused = (await house.read('POLICY')).flatMap(({ facts: made }) =>
      made.flatMap(({ type, data }) => (type === 'credence.policy.task.refused.v1' ? [data] : [])),
    )
    expect(refused).toContainEqual(expect.objectContaining({ agent: worker.agent, reason: 'nothing_left' }))
  })

  it('is for the agent that holds the delegation, and for nobody else', async () => {
    const [worker, other] = [await house.agent(), await house.agent()]
    const { delegation } = worker.delegation
    await expect(other.openTask({ delegationId: delegation })).rejects.toMatchObject({
      status: 'permission_denied',
      reason: 'delegation_of_another_agent',
    })
    const { taskId, grant } = await worker.openTask()
    const denied = { status: 'permission_denied', reason: 'task_of_another_agent' }
    await expect(other.client.getTask({ taskId, notBefore: [] })).rejects.toMatchObject(denied)
    await expect(other.client.completeTask({ taskId, outcome: 'TASK_OUTCOME_FAILED' })).rejects.toMatchObject(denied)
    expect(outcome(await enforcement.check(checkOf(other, grant?.id ?? '')))).toEqual(deny('grant_of_another_agent'))
  })

  it('can be opened by the identity service for an agent, and by no other service', async () => {
    const [worker, other] = [await house.agent(), await house.agent()]
    const wanted = {
      delegationId: worker.delegation.delegation,
      trigger: { ...facts.TRIGGER, type: 'token_request' },
      purpose: 'Book a room',
      authorizationDetails: [detail()],
      lifetimeSeconds: 600n,
      notBefore: worker.notBefore,
      agentId: worker.agent,
    }
    const identity = await house.workload('service/identity')
    const { taskId, grant } = await identity.openTask(wanted)
    expect(outcome(await enforcement.check(checkOf(worker, grant?.id ?? '')))).toEqual(ALLOW)
    const commits = await house.read('POLICY')
    const opened = commits.find(({ subject }) => subject === `task/${taskId}`)
    expect(opened).toMatchObject({ actor: { kind: 'agent', id: worker.spiffeId }, correlation: { task: taskId } })
    await expect(identity.openTask({ ...wanted, agentId: '' })).rejects.toMatchObject({
      status: 'invalid_argument',
      violations: [expect.objectContaining({ field: 'agent_id' })],
    })
    await expect(identity.openTask({ ...wanted, agentId: other.agent })).rejects.toMatchObject({
      reason: 'delegation_of_another_agent',
    })
    for (const path of ['service/attestation', 'service/audit', 'service/identity2'])
      await expect((await house.workload(path)).openTask(wanted), path).rejects.toMatchObject({
        reason: 'not_identity',
      })
    for (const path of ['enforcement-point/calendar', 'platform/workplace', 'identity'])
      await expect((await house.workload(path)).openTask(wanted), path).rejects.toMatchObject({
        reason: 'role_missing',
      })
    expect((await worker.openTask({ agentId: worker.agent })).grant?.live).toBe(true)
    await expect(other.openTask(wanted)).rejects.toMatchObject({ reason: 'task_for_another_agent' })
    await expect(worker.openTask({ agentId: 'x' })).rejects.toMatchObject({
      violations: [expect.objectContaining({ field: 'agent_id' })],
    })
  })

  it('cannot begin before the agent has attested', async () => {
    const worker = await house.agent()
    const refused = facts.result({ agent: worker.agent, accepted: false, status: 'contraindicated' })
    const notBefore = [await house.write('ATTESTATION', `result/${refused.result}`, facts.recorded(refused))]
    await expect(worker.openTask({ notBefore })).rejects.toMatchObject({ reason: 'attestation_not_accepted' })
  })
})

describe('what ends, ends everything below it', () => {
  const stateOf = async (taskId: string, since: string): Promise<string> => {
    const deadline = Date.now() + 5_000
    for (;;) {
      const { state, grant } = await operator.getTask({ taskId, notBefore: [since].filter(Boolean) })
      if (state !== 'TASK_STATE_OPEN' || Date.now() > deadline) return `${state} ${grant?.live}`
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  it('a revoked token: RFC 7009 §2.1, refused from the next decision on, and no other token with it', async () => {
    const worker = await house.agent()
    const { grant } = await worker.openTask()
    const grantId = grant?.id ?? ''
    const tokenId = newId('tok')
    expect(outcome(await enforcement.check(checkOf(worker, grantId, { tokenId })))).toEqual(ALLOW)
    await house.write('IDENTITY', `token/${worker.agent}`, {
      type: 'credence.identity.token.revoked.v1',
      data: { agent: worker.agent, token: tokenId, expires_at: facts.hours(1, new Date()) },
    })
    expect(outcome(await enforcement.check(checkOf(worker, grantId, { tokenId })))).toEqual(deny('token_revoked'))
    expect(outcome(await enforcement.check(checkOf(worker, grantId)))).toEqual(ALLOW)
  })

  it('a revoked agent: refused from the next decision on, and its tasks are aborted in the record', async () => {
    const worker = await house.agent()
    const { taskId, grant } = await worker.openTask()
    const revoked = await house.write('IDENTITY', `agent/${worker.agent}`, facts.agentRevoked(worker.agent))
    const answer = await enforcement.check(checkOf(worker, grant?.id ?? '', { notBefore: [revoked] }))
    expect(outcome(answer).reasons).toContain('agent_revoked')
    expect(await stateOf(taskId, revoked)).toBe('TASK_STATE_ABORTED false')
    const made = (await house.read('POLICY')).filter(({ subject }) => subject === `task/${taskId}`)
    expect(made.flatMap((commit) => commit.facts.map(({ type }) => type))).toEqual([
      'credence.policy.task.opened.v1',
      'credence.policy.grant.issued.v1',
      'credence.policy.task.aborted.v1',
      'credence.policy.grant.ended.v1',
    ])
  })

  it('a delegation that was passed on: the revoked root ends the decisions below', async () => {
    const human = newId('hum')
    const parent = await house.agent({}, { human })
    const held = { human, parent: parent.delegation.delegation }
    const child = await house.agent({ parent: parent.agent }, held)
    const { taskId, grant } = await child.openTask()
    const allowed = await enforcement.check(checkOf(child, grant?.id ?? ''))
    expect(outcome(allowed)).toEqual(ALLOW)
    expect((await recordOf(allowed)).data.delegations).toEqual([child.delegation.delegation, held.parent])
    const root = await house.write('IDENTITY', `delegation/${held.parent}`, facts.delegationRevoked(held.parent))
    const check = checkOf(child, grant?.id ?? '', { notBefore: [root] })
    // The task may have been aborted by then: that is a second reason.
    const { decision, reasons } = outcome(await enforcement.check(check))
    expect([decision, reasons.at(-1)]).toEqual(['deny', 'delegation_revoked'])
    const { delegation } = child.delegation
    const own = await house.write('IDENTITY', `delegation/${delegation}`, facts.delegationRevoked(delegation))
    expect(await stateOf(taskId, own)).toBe('TASK_STATE_ABORTED false')
    await expect(child.openTask({ notBefore: [own] })).rejects.toMatchObject({ reason: 'delegation_revoked' })
  })

  it('an agent that survives its parent keeps the tasks that it does not owe to it, and only those', async () => {
    const parent = await house.agent()
    const { delegation: from, human } = parent.delegation
    const child = await house.agent({ parent: parent.agent, survives_parent: true })
    const passed = facts.delegation({ agent: child.agent, human, parent: from, ...lasting() })
    const given = await house.write('IDENTITY', `delegation/${passed.delegation}`, facts.granted(passed))
    const own = await child.openTask()
    const owed = await child.openTask({ delegationId: passed.delegation, notBefore: [given] })
    const revoked = await house.write('IDENTITY', `agent/${parent.agent}`, facts.agentRevoked(parent.agent))
    expect(await stateOf(owed.taskId, revoked)).toBe('TASK_STATE_ABORTED false')
    const check = (id = '') => enforcement.check(checkOf(child, id, { notBefore: [revoked] })).then(outcome)
    expect(await check(own.grant?.id)).toEqual(ALLOW)
    expect((await check(owed.grant?.id)).reasons).toContain('delegator_ended')
    expect(await operator.getTask({ taskId: own.taskId, notBefore: [revoked] })).toMatchObject({
      state: 'TASK_STATE_OPEN',
    })
  })

  it('a newer result that was refused counts against an older accepted one', async () => {
    const worker = await house.agent()
    const { grant } = await worker.openTask()
    const refused = facts.result({ agent: worker.agent, accepted: false, expires_at: facts.hours(1, new Date()) })
    const position = await house.write('ATTESTATION', `result/${refused.result}`, facts.recorded(refused))
    const check = checkOf(worker, grant?.id ?? '', { notBefore: [position] })
    expect(outcome(await enforcement.check(check))).toEqual(deny('attestation_not_accepted'))
  })
})

describe('conditions', () => {
  it('sensitive data only from trusted networks, however the address is spelt', async () => {
    const worker = await house.agent()
    const { grant } = await worker.openTask()
    const resource = { type: 'CalendarEvent', id: '1', sensitivity: 'restricted' }
    const from = (sourceAddress: string) =>
      enforcement.check(checkOf(worker, grant?.id ?? '', { resource, sourceAddress })).then(outcome)
    for (const address of ['127.0.0.2', '::ffff:127.0.0.2', '::1']) expect(await from(address)).toEqual(ALLOW)
    for (const address of ['192.0.2.1', '2001:db8::1', '']) expect(await from(address)).toEqual(deny('policy_forbids'))
  })

  it('decides by new policies from the position on that their activation names', async () => {
    const worker = await house.agent()
    const { grant } = await worker.openTask()
    const cedar = `${DEVELOPMENT_POLICIES} @id("not-today") forbid(principal, action == Action::"calendar.book", resource);`
    const activated = await house.activate(cedar)
    const check = checkOf(worker, grant?.id ?? '', { notBefore: [activated.position] })
    const denied = await enforcement.check(check)
    expect(outcome(denied)).toEqual(deny('policy_forbids'))
    expect(denied.reasons[0]?.message).toContain('not-today')
    expect((await recordOf(denied)).data).toMatchObject({
      policy_version: activated.version,
      verdict: { forbids: ['not-today'] },
    })
    const back = await house.activate(DEVELOPMENT_POLICIES)
    expect(back.version).toBe(version)
    expect(outcome(await enforcement.check({ ...check, notBefore: [back.position] }))).toEqual(ALLOW)
  })

  it('survives policy text that kills the engine', async () => {
    const worker = await house.agent()
    const { grant } = await worker.openTask()
    const cedar = `@id("x") permit(principal, action, resource) when { ${'('.repeat(150)}true${')'.repeat(150)} };`
    const drafted = await operator.draftPolicies({ cedar, schema: '', comment: '' })
    expect(await operator.validatePolicies({ version: drafted.version }, { deadlineMs: 60_000 })).toMatchObject({
      valid: false,
      findings: [expect.objectContaining({ severity: 'error' })],
    })
    expect(outcome(await enforcement.check(checkOf(worker, grant?.id ?? '')))).toEqual(ALLOW)
  })

  it('denies what it does not know, and records that in a log of its own', async () => {
    const agent = newId('agt')
    const answer = await enforcement.check(checkOf({ agent }, newId('grt')))
    expect(outcome(answer)).toEqual(deny('agent_unknown', 'grant_unknown', 'attestation_missing'))
    expect((await recordOf(answer)).commit.subject).toBe('decision/unknown')
  })
})

describe('callers and their input', () => {
  it('has a role for every call', async () => {
    const denied = { status: 'permission_denied', reason: 'role_missing' }
    const worker = await house.agent()
    const { taskId } = await worker.openTask()
    const check = checkOf(worker, newId('grt'))
    await expect(operator.check(check)).rejects.toMatchObject(denied)
    await expect(worker.client.check(check)).rejects.toMatchObject(denied)
    await expect(enforcement.activatePolicies({ version })).rejects.toMatchObject(denied)
    await expect(worker.client.activatePolicies({ version })).rejects.toMatchObject(denied)
    await expect(enforcement.defineLocation({ name: 'x', ranges: ['::/0'], trusted: true })).rejects.toMatchObject(
      denied,
    )
    await expect(enforcement.getTask({ taskId, notBefore: [] })).rejects.toMatchObject(denied)
    await expect(operator.completeTask({ taskId, outcome: 'TASK_OUTCOME_FAILED' })).rejects.toMatchObject(denied)
  })

  const base = checkOf({ agent: newId('agt') }, newId('grt'))
  const resource = { type: 'CalendarEvent', id: '1', sensitivity: 'internal', properties: '' }
  for (const [field, part] of [
    ['agent_id', { agentId: 'somebody' }],
    ['grant_id', { grantId: '' }],
    ['token_id', { tokenId: '' }],
    ['action', { action: 'Book' }],
    ['action', { action: 'calendar.*' }],
    ['resource', { resource: undefined }],
    ['resource.type', { resource: { ...resource, type: 'calendar event' } }],
    ['resource.id', { resource: { ...resource, id: '*' } }],
    ['resource.sensitivity', { resource: { ...resource, sensitivity: 'secret' } }],
    ['location', { location: 'calendar' }],
    ['source_address', { sourceAddress: 'localhost' }],
    ['request_id', { requestId: 'x'.repeat(129) }],
    ['not_before', { notBefore: ['DECISIONS:1'] }],
    ['not_before.0', { notBefore: ['soon'] }],
  ] as const)
    it(`names ${field} when a question has ${JSON.stringify(Object.values(part)[0])?.slice(0, 60)}`, async () => {
      await expect(enforcement.check({ ...base, ...part } as CheckRequest)).rejects.toMatchObject({
        status: 'invalid_argument',
        violations: [expect.objectContaining({ field })],
      })
    })

  it('names what is wrong with a task that is asked for', async () => {
    const worker = await house.agent()
    for (const [field, part] of [
      ['delegation_id', { delegationId: 'x' }],
      ['trigger', { trigger: undefined }],
      ['trigger.type', { trigger: { ...facts.TRIGGER, type: 'mood' } }],
      ['trigger.source', { trigger: { ...facts.TRIGGER, source: 'x'.repeat(257) } }],
      ['purpose', { purpose: ' ' }],
      ['authorization_details', { authorizationDetails: [] }],
      ['authorization_details.0.actions.0', { authorizationDetails: [detail({ actions: ['*'] })] }],
      ['lifetime_seconds', { lifetimeSeconds: 0n }],
      ['lifetime_seconds', { lifetimeSeconds: 86_401n }],
    ] as const)
      await expect(worker.openTask(part as object)).rejects.toMatchObject({
        status: 'invalid_argument',
        violations: [expect.objectContaining({ field })],
      })
    await expect(
      worker.client.completeTask({ taskId: newId('tsk'), outcome: 'TASK_OUTCOME_UNSPECIFIED' }),
    ).rejects.toMatchObject({ violations: [expect.objectContaining({ field: 'outcome' })] })
    await expect(
      worker.client.completeTask({ taskId: newId('tsk'), outcome: 'TASK_OUTCOME_FAILED' }),
    ).rejects.toMatchObject({ status: 'not_found', reason: 'task_not_found' })
    await expect(operator.defineLocation({ name: 'unknown', ranges: ['::/0'], trusted: true })).rejects.toMatchObject({
      violations: [expect.objectContaining({ field: 'name' })],
    })
    await expect(
      operator.defineLocation({ name: 'lab', ranges: ['10.0.0.0/40'], trusted: true }),
    ).rejects.toMatchObject({
      violations: [expect.objectContaining({ field: 'ranges.0' })],
    })
  })
})

describe('a new process', () => {
  it('knows what the old one knew: tasks, policies and places', async () => {
    const worker = await house.agent()
    const { grant } = await worker.openTask()
    await house.stack.service('policy').stop()
    await house.stack.start('policy')
    const resource = { type: 'CalendarEvent', id: '1', sensitivity: 'restricted' }
    const again = await house.workload('enforcement-point/calendar')
    const answer = await again.check(checkOf(worker, grant?.id ?? '', { resource }))
    expect(outcome(answer)).toEqual(ALLOW)
    expect((await recordOf(answer)).data).toMatchObject({ policy_version: version, location: { name: 'office' } })
  })
})
