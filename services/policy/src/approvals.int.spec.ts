/** People approve acts: the whole service on a real NATS, decisions written as the decision point writes them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Approval } from '@credence/contracts/gen/credence/policy/v1/policy'
import { newId } from '@credence/shared/ids'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as facts from '../../../infra/testing/facts.ts'
import { openActs } from './adapters/acts/acts.ts'
import type { Acts } from './api/acts.ts'
import { type AtWork, type HeldBack, holdBack, TOLD } from './testing/held-back.ts'
import type { Policy, Worker } from './testing/house.ts'
import { openPeopleHouse, type PeopleHouse, type Somebody } from './testing/people.ts'

let house: PeopleHouse
let enforcement: Policy
let operator: Policy
let auditor: Policy
let held: Awaited<ReturnType<typeof holdBack>>
let acts: Acts
let cora: Somebody
let ruth: Somebody
let amir: Somebody
let stranger: Somebody

beforeAll(async () => {
  house = await openPeopleHouse()
  enforcement = await house.workload('enforcement-point/calendar')
  operator = await house.workload('operator/soc')
  auditor = await house.workload('auditor/one')
  held = await holdBack(house)
  acts = held.acts
  // Cora, for whom agents act here, is an approver herself.
  cora = await house.person('cora', 'credence-approvers')
  ruth = await house.person('ruth', 'credence-approvers')
  amir = await house.person('amir', 'credence-approvers')
  stranger = await house.person('stranger', 'credence-sponsors')
}, 120_000)
afterAll(() => house?.close(), 60_000)

const STATEMENT = 'Quarterly planning, as you asked'

const atWork = () => held.atWork(cora.human)
const decided = (worker: AtWork, part?: HeldBack) => held.decided(worker, part)
const requested = async (worker: AtWork, part: HeldBack = {}, statement = STATEMENT): Promise<Approval> => {
  const { approval } = await worker.client.requestApproval({ ...(await decided(worker, part)), statement })
  return approval as Approval
}
const get = async (by: Policy | Worker['client'], approvalId: string, waitSeconds = 0) =>
  (await by.getApproval({ approvalId, waitSeconds, notBefore: [] }, { deadlineMs: 35_000 })).approval as Approval
const answer = (who: Somebody, { id }: Approval, approve = true, comment = '') =>
  who.client.answerApproval({ approvalId: id, approve, comment })
const list = async (by: Policy, all = false, pageSize = 100, pageToken = '') =>
  by.listApprovals({ all, pageSize, pageToken })
const idsOf = ({ approvals }: { approvals: Approval[] }) => approvals.map(({ id }) => id)

const refusal = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'done',
    (error) => error.reason,
  )

describe('an approval', () => {
  it('is asked for by the agent, seen and given by a person, and heard of by who waits', async () => {
    const worker = await atWork()
    const approval = await requested(worker)
    expect(approval).toMatchObject({
      state: 'APPROVAL_STATE_PENDING',
      agentId: worker.agent,
      grantId: worker.grantId,
      action: 'calendar.book',
      resource: { type: 'CalendarEvent', id: '2026/11', sensitivity: 'confidential' },
      approver: 'approver',
      persons: 1,
      humanId: cora.human,
      purpose: 'Book a room',
      policyId: 'rooms-are-approved',
    })
    const listed = (await list(ruth.client)).approvals.find(({ id }) => id === approval.id)
    expect(listed).toMatchObject({ ...TOLD, statement: STATEMENT })
    const began = Date.now()
    const waiting = get(worker.client, approval.id, 30)
    const given = await answer(ruth, approval, true, 'Fine')
    expect(given.approval).toMatchObject({ state: 'APPROVAL_STATE_APPROVED', approvedBy: [ruth.human] })
    expect((await waiting).state).toBe('APPROVAL_STATE_APPROVED')
    expect(Date.now() - began).toBeLessThan(5_000)
    expect(await acts.told((await recordedRequest(approval.id)).decision)).toEqual({
      ...TOLD,
      statement: STATEMENT,
      comments: [{ human: ruth.human, text: 'Fine' }],
    })
  })

  it('is asked for by the enforcement point that asked for the decision, and by no other', async () => {
    const worker = await atWork()
    const decision = await decided(worker)
    const customers = await house.workload('enforcement-point/customers')
    expect(await refusal(customers.requestApproval({ ...decision, statement: '' }))).toBe('decision_not_found')
    const { approval } = await enforcement.requestApproval({ ...decision, statement: '' })
    expect((await get(enforcement, approval?.id ?? '')).state).toBe('APPROVAL_STATE_PENDING')
  })

  it('is one for one act: the same decision and others of the same act join it', async () => {
    const worker = await atWork()
    const decision = await decided(worker)
    const asks = [1, 2, 3].map(() => worker.client.requestApproval({ ...decision, statement: STATEMENT }))
    const ids = new Set((await Promise.all(asks)).map(({ approval }) => approval?.id))
    expect(ids.size).toBe(1)
    const same = { ...TOLD, arguments: '{ "seats": 7.0, "room": "Zephyr" }' }
    const [id = ''] = ids
    expect((await requested(worker, { told: same })).id).toBe(id)
    await answer(ruth, { id } as Approval)
    expect(await requested(worker)).toMatchObject({ id, state: 'APPROVAL_STATE_APPROVED' })
  })

  it('is another one for other arguments, another amount, resource or grant: none is lent to another act', async () => {
    const worker = await atWork()
    const first = await requested(worker)
    await answer(ruth, first)
    const others: HeldBack[] = [
      { told: { ...TOLD, arguments: '{"room":"Zephyr","seats":70}' } },
      { told: { ...TOLD, amount: { currency: 'EUR', value: '4200.00' } } },
      { told: { ...TOLD, amount: { currency: 'USD', value: '420.00' } } },
      { told: {} },
      { resource: 'CalendarEvent::2026/12' },
    ]
    for (const part of others) {
      const another = await requested(worker, part)
      expect(another.id).not.toBe(first.id)
      expect(another.state).toBe('APPROVAL_STATE_PENDING')
    }
    const { grant, taskId } = await worker.openTask()
    const elsewhere = await requested({ ...worker, grantId: grant?.id ?? '', taskId })
    expect(elsewhere.state).toBe('APPROVAL_STATE_PENDING')
  })
})

async function recordedRequest(id: string) {
  for (const { facts: all } of await house.read('POLICY'))
    for (const { type, data } of all)
      if (type === 'credence.policy.approval.requested.v1' && data.approval === id) return data
  throw new Error(`${id} is not recorded`)
}

describe('what is shown', () => {
  it('of arguments, amount and words goes to those who may answer, and to nobody else', async () => {
    const worker = await atWork()
    const { id } = await requested(worker)
    expect(await get(ruth.client, id)).toMatchObject({ ...TOLD, statement: STATEMENT })
    for (const by of [worker.client, enforcement, operator, auditor]) {
      const shown = await get(by, id)
      expect(shown).toMatchObject({ id, amount: undefined, arguments: '', statement: '' })
    }
    for (const who of [stranger, cora]) {
      expect(await refusal(get(who.client, id))).toBe('not_your_approval')
      expect(idsOf(await list(who.client, true))).not.toContain(id)
    }
    expect(idsOf(await list(auditor))).toContain(id)
    const other = await atWork()
    expect(await refusal(get(other.client, id))).toBe('approval_of_another_agent')
    expect(await refusal(get(ruth.client, newId('apr')))).toBe('approval_not_found')
  })

  it('does not tell an agent who approved: it could turn to them', async () => {
    const worker = await atWork()
    const approval = await requested(worker)
    await answer(ruth, approval)
    expect(await get(worker.client, approval.id)).toMatchObject({ approvedBy: [], state: 'APPROVAL_STATE_APPROVED' })
    expect((await get(enforcement, approval.id)).approvedBy).toEqual([ruth.human])
  })

  it('comes page by page: what waits from the oldest on, all from the newest on', async () => {
    const worker = await atWork()
    const ids: string[] = []
    for (const day of [1, 2, 3]) ids.push((await requested(worker, { resource: `CalendarEvent::2026/${day}` })).id)
    const walk = async (all: boolean) => {
      const found: string[] = []
      for (let token = '', page = 0; page === 0 || token; page++) {
        const one = await list(amir.client, all, 2, token)
        expect(one.approvals.length).toBeLessThanOrEqual(2)
        found.push(...idsOf(one))
        token = one.nextPageToken
      }
      return found
    }
    const [waiting, all] = [await walk(false), await walk(true)]
    expect(waiting.filter((id) => ids.includes(id))).toEqual(ids)
    expect(all.slice(0, 3)).toEqual([...ids].reverse())
    expect(new Set(all).size).toBe(all.length)
  })

  it('is what is approved: of an act that was erased or altered nothing is shown, and nobody approves it blindly', async () => {
    const worker = await atWork()
    const [erased, altered] = [await requested(worker), await requested(worker, { resource: 'CalendarEvent::7' })]
    await acts.erase((await recordedRequest(erased.id)).decision)
    const { decision } = await recordedRequest(altered.id)
    await acts.keep(decision, { ...TOLD, amount: { currency: 'EUR', value: '1.00' } })
    for (const approval of [erased, altered]) {
      expect(await get(ruth.client, approval.id)).toMatchObject({ amount: undefined, arguments: '', statement: '' })
      expect(await refusal(answer(ruth, approval))).toBe('act_erased')
      expect((await answer(ruth, approval, false)).approval?.state).toBe('APPROVAL_STATE_REFUSED')
    }
  })

  it('of arguments, words and amounts stands in no event, log or error', async () => {
    const worker = await atWork()
    const told = { amount: { currency: 'EUR', value: '31337.00' }, arguments: '{"room":"Xanadu-secret"}' }
    const approval = await requested(worker, { told }, 'Words-of-the-agent')
    await answer(ruth, approval, false, 'Words-of-Ruth')
    await refusal(worker.client.requestApproval({ ...(await decided(worker, { told })), statement: 'Words-again' }))
    const written = JSON.stringify([...(await house.read('POLICY')), ...(await house.read('DECISIONS'))])
    const log = readFileSync(join(house.stack.folder, 'logs', 'policy.log'), 'utf8')
    for (const secret of ['Xanadu', '31337', 'Words-']) {
      expect(written).not.toContain(secret)
      expect(log).not.toContain(secret)
    }
  })
})

describe('whoever', () => {
  it('asks for somebody else’s decision, at another place, too late, or for what asks nobody, is refused', async () => {
    const [worker, thief] = [await atWork(), await atWork()]
    const decision = await decided(worker)
    const another = await decided(worker)
    const ask = (by: AtWork, of: { decisionId: string; position: string }) =>
      refusal(by.client.requestApproval({ ...of, statement: '' }))
    expect(await ask(thief, decision)).toBe('decision_not_found')
    expect(await ask(worker, { ...decision, position: another.position })).toBe('decision_not_found')
    expect(await ask(worker, { ...decision, position: 'DECISIONS:999999999' })).toBe('decision_not_found')
    expect(await ask(worker, { ...decision, position: 'DECISIONS:0' })).toBe('decision_not_found')
    for (const position of ['POLICY:1', '', 'DECISIONS:-1', 'DECISIONS/1:1'])
      expect(await ask(worker, { ...decision, position })).toBe('invalid_field')
    expect(await ask(worker, await decided(worker, { outcome: 'deny', approval_needed: undefined }))).toBe(
      'nothing_to_approve',
    )
    expect(await ask(worker, await decided(worker, { outcome: 'allow' }))).toBe('nothing_to_approve')
    expect(await ask(worker, await decided(worker, { time: new Date(Date.now() - 601_000) }))).toBe('decision_too_old')
    expect(await ask(worker, await decided(worker, { needed: { approver: 'emperor' } }))).toBe('approver_unknown')
    const alone = { approver: 'delegator', persons: 2 }
    expect(await ask(worker, await decided(worker, { needed: alone }))).toBe('approval_impossible')
    for (const statement of ['a'.repeat(501), 'a\u202eb', 'a\u001b[2Jb'])
      expect(await refusal(worker.client.requestApproval({ ...decision, statement }))).toBe('invalid_field')
  })

  it('holds the wrong role, acts for themselves, has left, or is no person, cannot answer', async () => {
    const worker = await atWork()
    const approval = await requested(worker)
    const leaver = await house.person('leaver', 'credence-approvers')
    expect(idsOf(await list(leaver.client))).toContain(approval.id)
    const left = { human: leaver.human, reason: 'Left', left_at: new Date().toISOString() }
    await house.write('IDENTITY', `human/${leaver.human}`, {
      type: 'credence.identity.human.deactivated.v1',
      data: left,
    })
    for (const who of [cora, stranger, leaver])
      for (const approve of [true, false])
        expect(await refusal(answer(who, approval, approve))).toBe('not_your_approval')
    for (const client of [worker.client, enforcement, operator])
      expect(await refusal(client.answerApproval({ approvalId: approval.id, approve: true, comment: '' }))).toBe(
        'role_missing',
      )
    expect((await get(ruth.client, approval.id)).state).toBe('APPROVAL_STATE_PENDING')
  })

  it('is the delegator answers where the policy names them, and nobody instead of them', async () => {
    const worker = await atWork()
    const approval = await requested(worker, { needed: { approver: 'delegator' } })
    expect(await refusal(answer(ruth, approval))).toBe('not_your_approval')
    expect(idsOf(await list(cora.client))).toContain(approval.id)
    expect((await answer(cora, approval)).approval?.state).toBe('APPROVAL_STATE_APPROVED')
  })

  it('approves twice counts once: two persons are two persons', async () => {
    const approval = await requested(await atWork(), { needed: { persons: 2 } })
    for (let times = 0; times < 3; times++)
      expect((await answer(ruth, approval)).approval).toMatchObject({
        state: 'APPROVAL_STATE_PENDING',
        approvedBy: [ruth.human],
      })
    const at = await Promise.all([1, 2, 3].map(() => answer(ruth, approval)))
    expect(at.map((one) => one.approval?.state)).toEqual(Array(3).fill('APPROVAL_STATE_PENDING'))
    expect((await answer(amir, approval)).approval).toMatchObject({
      state: 'APPROVAL_STATE_APPROVED',
      approvedBy: [ruth.human, amir.human],
    })
  })

  it('refuses ends it, and the same act cannot be asked for again meanwhile', async () => {
    const worker = await atWork()
    const approval = await requested(worker, { needed: { persons: 2 } })
    await answer(ruth, approval)
    expect((await answer(amir, approval, false)).approval?.state).toBe('APPROVAL_STATE_REFUSED')
    expect(await refusal(answer(ruth, approval))).toBe('approval_refused')
    expect(await refusal(requested(worker))).toBe('approval_refused')
  })

  it('answers too late is told so: after the deadline, and after the end of what it hangs on', async () => {
    const worker = await atWork()
    const short = await requested(worker, { needed: { within_seconds: 1 } })
    expect(await get(worker.client, short.id, 30)).toMatchObject({ state: 'APPROVAL_STATE_EXPIRED' })
    expect(await refusal(answer(ruth, short))).toBe('approval_expired')

    const [ended, revoked] = [await atWork(), await atWork()]
    const approvals = [await requested(ended), await requested(revoked)]
    await ended.client.completeTask({ taskId: ended.taskId, outcome: 'TASK_OUTCOME_SUCCEEDED' })
    await house.write(
      'IDENTITY',
      `delegation/${revoked.delegation.delegation}`,
      facts.delegationRevoked(revoked.delegation.delegation),
    )
    const reasons = await Promise.all(approvals.map((one) => refusal(answer(ruth, one))))
    expect(reasons[0]).toBe('grant_ended')
    expect(['delegation_revoked', 'grant_ended']).toContain(reasons[1])
    for (const { id } of approvals) {
      expect((await get(ruth.client, id)).state).toBe('APPROVAL_STATE_EXPIRED')
      expect(idsOf(await list(ruth.client))).not.toContain(id)
    }
  })

  it('asks for very many is stopped, also when all come at once', async () => {
    const worker = await atWork()
    const decisions = await Promise.all(
      Array.from({ length: 14 }, (_, index) => decided(worker, { resource: `CalendarEvent::many/${index}` })),
    )
    const outcomes = await Promise.all(
      decisions.map((decision) => refusal(worker.client.requestApproval({ ...decision, statement: '' }))),
    )
    expect(outcomes.filter((one) => one === 'done')).toHaveLength(10)
    expect(outcomes.filter((one) => one === 'too_many_approvals')).toHaveLength(4)
  })

  it('waits with very many calls is stopped, and holds up nobody else', async () => {
    const worker = await atWork()
    const approval = await requested(worker)
    const waits = Array.from({ length: 40 }, () => get(worker.client, approval.id, 30).catch(({ reason }) => reason))
    const refused: unknown[] = []
    for (const wait of waits) void wait.then((one) => typeof one === 'string' && refused.push(one))
    await expect.poll(() => refused.length, { timeout: 5_000 }).toBe(24)
    expect(new Set(refused)).toEqual(new Set(['too_many_waiting']))
    const other = await atWork()
    const another = await requested(other)
    const waiting = get(other.client, another.id, 30)
    await answer(ruth, another)
    expect((await waiting).state).toBe('APPROVAL_STATE_APPROVED')
    await answer(ruth, approval, false)
    const ends = await Promise.all(waits)
    const states = ends.flatMap((one) => (typeof one === 'string' ? [] : [one.state]))
    expect(states).toEqual(Array(16).fill('APPROVAL_STATE_REFUSED'))
    expect((await get(worker.client, approval.id, 30)).state).toBe('APPROVAL_STATE_REFUSED')
  })
})

describe('what was told of acts', () => {
  it('has one digest on every replica, and is erased for good', async () => {
    const other = await openActs(await house.bus('policy'))
    const act = { agent: 'a', grant: 'g', action: 'x', resource: { type: 'T', id: '1' }, audience: 'https://a.example' }
    expect(other.digest(act)).toBe(acts.digest(act))
    expect(acts.digest(act)).toMatch(/^[0-9a-f]{64}$/)
    expect(acts.digest({ ...act, resource: { type: 'T', id: '2' } })).not.toBe(acts.digest(act))
    const decision = newId('dec')
    expect(await acts.told(decision)).toBeUndefined()
    await acts.keep(decision, TOLD)
    expect(await other.told(decision)).toEqual(TOLD)
    await other.erase(decision)
    expect(await acts.told(decision)).toBeUndefined()
  })
})
