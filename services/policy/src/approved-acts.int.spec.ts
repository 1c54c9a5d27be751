/** From the decision that asks, over people, to the act that is done once: two replicas of the whole service, one NATS. */
import type { Approval, CheckRequest, CheckResponse } from '@credence/contracts/gen/credence/policy/v1/policy'
import { PolicyServiceClient, PolicyServiceService } from '@credence/contracts/gen/credence/policy/v1/policy'
import { promised } from '@credence/shared/rpc/client'
import { clientCredentials } from '@credence/shared/rpc/tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../../../infra/dev/ports.ts'
import { waitUntilServing } from '../../../infra/dev/readiness.ts'
import { checkOf, DEVELOPMENT_POLICIES, type Policy } from './testing/house.ts'
import { openPeopleHouse, type PeopleHouse, type Somebody } from './testing/people.ts'

const POLICIES = `${DEVELOPMENT_POLICIES}
@id("large-bookings-are-approved") @require_approval("approver") @approvals("2") @approval_within("600")
forbid (principal, action == Action::"calendar.book", resource)
when { context has amount && context.amount.value.greaterThan(decimal("100.00")) };
@id("moves-are-approved-by-their-human") @require_approval("delegator")
forbid (principal, action == Action::"calendar.move", resource);
@id("nobody-deletes")
forbid (principal, action == Action::"calendar.delete", resource);
@id("deleting-is-approved") @require_approval("approver")
forbid (principal, action == Action::"calendar.delete", resource);
@id("no-risky-agents")
forbid (principal, action, resource) when { context.risk.level >= 3 };
`

let house: PeopleHouse
let point: Policy
let otherPoint: Policy
let [cora, ruth, amir]: Somebody[] = []
/** Ruth, at the other replica. */
let ruthElsewhere: Somebody['client']

beforeAll(async () => {
  house = await openPeopleHouse()
  await house.activate(POLICIES)
  const [mesh = 0, publicPort = 0] = await freePorts(2)
  const { stack } = house
  const running = await stack.replica('policy', { mesh, public: publicPort })
  await waitUntilServing(running, `localhost:${publicPort}`, stack.authority.caFile)
  const serverId = `spiffe://${stack.trustDomain}/service/policy`
  const tls = await stack.workload('enforcement-point/calendar')
  const at = (port: number, credentials: ReturnType<typeof clientCredentials>, token?: string) =>
    promised(
      new PolicyServiceClient(`127.0.0.1:${port}`, credentials),
      PolicyServiceService,
      token ? async () => ({ authorization: `Bearer ${token}` }) : undefined,
    )
  point = await house.workload('enforcement-point/calendar')
  otherPoint = at(mesh, clientCredentials(tls.caFile, serverId, tls))
  cora = await house.person('cora', 'credence-approvers')
  ruth = await house.person('ruth', 'credence-approvers')
  amir = await house.person('amir', 'credence-approvers')
  ruthElsewhere = at(publicPort, clientCredentials(stack.authority.caFile, serverId), ruth.token)
}, 120_000)
afterAll(() => house?.close(), 60_000)

const outcome = ({ decision, reasons }: CheckResponse) => [
  decision.replace('DECISION_', '').toLowerCase(),
  ...reasons.map(({ code }) => code),
]
const refusal = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'done',
    (error) => error.reason,
  )

async function atWork() {
  const worker = await house.agent({}, { human: cora?.human ?? '' })
  const { grant, taskId } = await worker.openTask()
  const question = (part: Partial<CheckRequest> = {}) =>
    checkOf(worker, grant?.id ?? '', {
      amount: { currency: 'EUR', value: '420.00' },
      arguments: '{"room":"Zephyr","seats":7}',
      ...part,
    })
  const requested = async ({ decisionId, position }: CheckResponse) =>
    (await worker.client.requestApproval({ decisionId, position, statement: 'As you asked' })).approval as Approval
  return { worker, taskId, question, requested }
}
const approve = (who: Somebody | undefined, { id: approvalId }: Approval, client = who?.client) =>
  (client as Somebody['client']).answerApproval({ approvalId, approve: true, comment: '' })
const usesOf = async (approval: string) =>
  (await house.read('POLICY')).flatMap(({ facts }) =>
    facts.flatMap(({ type, data }) =>
      type === 'credence.policy.approval.used.v1' && data.approval === approval ? [data.decision] : [],
    ),
  )

describe('an act that people have to approve', () => {
  it('is asked about, approved by two, done once, and asked about again', async () => {
    const { question, requested } = await atWork()
    const asked = await point.check(question())
    expect(outcome(asked)).toEqual(['ask', 'approval_required'])
    expect(asked.approvalNeeded).toMatchObject({ approver: 'approver', persons: 2, withinSeconds: 600n })
    const approval = await requested(asked)
    const shown = await ruth?.client.getApproval({ approvalId: approval.id, waitSeconds: 0, notBefore: [] })
    expect(shown?.approval).toMatchObject({
      amount: { value: '420.00' },
      arguments: '{"room":"Zephyr","seats":7}',
      statement: 'As you asked',
    })
    await approve(ruth, approval)
    expect(outcome(await point.check(question()))).toEqual(['ask', 'approval_pending'])
    await approve(amir, approval)
    const allowed = await otherPoint.check(question())
    expect(outcome(allowed)).toEqual(['allow'])
    expect(await usesOf(approval.id)).toEqual([allowed.decisionId])
    const again = await point.check(question())
    expect(outcome(again)).toEqual(['ask', 'approval_required'])
    expect((await requested(again)).id).not.toBe(approval.id)
  })

  it('is exactly that act: what differs in anything is still held back', async () => {
    const { question, requested, worker } = await atWork()
    const approval = await requested(await point.check(question()))
    await approve(ruth, approval)
    await approve(amir, approval)
    const { grant } = await worker.openTask()
    const others: Partial<CheckRequest>[] = [
      { amount: { currency: 'EUR', value: '4200.00' } },
      { amount: { currency: 'USD', value: '420.00' } },
      { arguments: '{"room":"Zephyr","seats":70}' },
      { arguments: '' },
      { resource: { type: 'CalendarEvent', id: '2026/12', sensitivity: 'internal', properties: '' } },
      { grantId: grant?.id ?? '' },
    ]
    for (const part of others) expect(outcome(await point.check(question(part)))).toEqual(['ask', 'approval_required'])
    const doubled = question({ arguments: '{"room":"Zephyr","seats":7,"seats":70}' })
    expect(await refusal(point.check(doubled))).toBe('invalid_field')
    const sameAct = { arguments: '{ "seats": 7, "room": "Zephyr" }' }
    expect(outcome(await point.check(question(sameAct)))).toEqual(['allow'])
  })

  it('is done once, although both decision points are asked at the same moment', async () => {
    const { question, requested } = await atWork()
    const approval = await requested(await point.check(question()))
    await approve(ruth, approval, ruthElsewhere)
    await approve(amir, approval)
    const asks = Array.from({ length: 20 }, (_, index) => (index % 2 ? point : otherPoint).check(question()))
    const answers = (await Promise.all(asks)).map(outcome)
    expect(answers.filter(([one]) => one === 'allow')).toHaveLength(1)
    expect(answers.filter(([one]) => one === 'ask')).toHaveLength(19)
    expect(await usesOf(approval.id)).toHaveLength(1)
  })

  it('one person answers at two replicas at once, and counts once', async () => {
    const { question, requested } = await atWork()
    const approval = await requested(await point.check(question()))
    await Promise.all([approve(ruth, approval), approve(ruth, approval, ruthElsewhere), approve(ruth, approval)])
    expect(outcome(await otherPoint.check(question()))).toEqual(['ask', 'approval_pending'])
    const told = await ruthElsewhere.getApproval({ approvalId: approval.id, waitSeconds: 0, notBefore: [] })
    expect(told.approval?.approvedBy).toEqual([ruth?.human])
  })

  it('is not done once somebody has refused, and not asked about again meanwhile', async () => {
    const { question, requested } = await atWork()
    const approval = await requested(await point.check(question()))
    await approve(amir, approval)
    await ruthElsewhere.answerApproval({ approvalId: approval.id, approve: false, comment: '' })
    const denied = await point.check(question())
    expect(outcome(denied)).toEqual(['deny', 'approval_refused'])
    expect(await refusal(requested(denied))).toBe('nothing_to_approve')
  })

  it('is approved by the human for whom the agent acts, where the policy says so', async () => {
    const { question, requested } = await atWork()
    const move = question({ action: 'calendar.move' })
    const approval = await requested(await point.check(move))
    expect(await refusal(approve(ruth, approval))).toBe('not_your_approval')
    await approve(cora, approval)
    expect(outcome(await point.check(move))).toEqual(['allow'])
  })

  it('that another policy forbids is denied, and nobody is asked', async () => {
    const { question, requested } = await atWork()
    const denied = await point.check(question({ action: 'calendar.delete' }))
    expect(outcome(denied)[0]).toBe('deny')
    expect(outcome(denied)).toContain('policy_forbids')
    expect(await refusal(requested(denied))).toBe('nothing_to_approve')
  })

  it('that was approved is not done after its task has ended', async () => {
    const { worker, taskId, question, requested } = await atWork()
    const approval = await requested(await point.check(question()))
    await approve(ruth, approval)
    await approve(amir, approval)
    await worker.client.completeTask({ taskId, outcome: 'TASK_OUTCOME_SUCCEEDED' })
    expect(outcome(await point.check(question()))).toEqual(['deny', 'grant_ended'])
    expect(await usesOf(approval.id)).toEqual([])
  })
})

describe('a decision', () => {
  it('knows at once what was said against an agent, on every replica', async () => {
    const { worker, question } = await atWork()
    const read = question({ action: 'calendar.read' })
    expect(outcome(await point.check(read))).toEqual(['allow'])
    const operator = await house.workload('operator/soc')
    const about = { agentId: worker.agent, code: 'unusual_hours' }
    await operator.raiseRisk({ ...about, level: 'RISK_LEVEL_HIGH', explanation: 'x', decaySeconds: 60n })
    for (const one of [point, otherPoint]) expect(outcome(await one.check(read))).toEqual(['deny', 'policy_forbids'])
    await operator.clearRisk({ ...about, source: '' })
    for (const one of [point, otherPoint]) expect(outcome(await one.check(read))).toEqual(['allow'])
  })
})
