import { createHash } from 'node:crypto'
import { newCommit, type RecordedCommit } from '@credence/shared/event-store/commit'
import { newId } from '@credence/shared/ids'
import { describe, expect, it } from 'vitest'
import { CALENDAR, fact, hours, NOW } from '../../../../infra/testing/facts.ts'
import type { Approval } from '../domain/approval.ts'
import { type Approvals, createApprovals } from './approvals.ts'

const HUMANS = [newId('hum'), newId('hum')]
const AGENTS = [newId('agt'), newId('agt')]
const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000)

let made = 0
const requestOf = (part: Partial<Approval> = {}) => {
  made += 1
  const grant = part.grant ?? newId('grt')
  return {
    approval: newId('apr'),
    decision: newId('dec'),
    agent: AGENTS[0] as string,
    human: newId('hum'),
    task: newId('tsk'),
    grant,
    action: 'payment.send',
    resource: `Invoice::${made}`,
    sensitivity: 'internal' as const,
    audience: CALENDAR,
    act: digest(`${grant} ${made}`),
    policy: 'p',
    approver: 'approver',
    persons: 1,
    expires_at: at(15).toISOString(),
    ...part,
  }
}

function write(approvals: Approvals, sequence: number, act: string, type: string, data: object, time = NOW) {
  const facts = [fact(type as 'credence.policy.approval.requested.v1', data as Approval)]
  const about = { actor: { kind: 'human' as const, id: 'x' }, source: 'x', subject: `approval/${act}`, now: time }
  const commit: RecordedCommit = { ...newCommit(facts, about), stream: 'POLICY', sequence }
  for (const model of approvals.models) model.apply(commit)
  return commit
}
const ask = (approvals: Approvals, sequence: number, part: Partial<Approval> = {}, time = NOW) => {
  const data = requestOf(part)
  write(approvals, sequence, data.act, 'credence.policy.approval.requested.v1', data, time)
  return data
}
const answer = (approvals: Approvals, sequence: number, of: { approval: string; act: string }, verb: string) =>
  write(approvals, sequence, of.act, `credence.policy.approval.${verb}.v1`, {
    approval: of.approval,
    ...(verb === 'used' ? { decision: newId('dec') } : { human: HUMANS[0] }),
  })

describe('approvals in memory', () => {
  it('are found by id, by act under their grant, and by the decision that asked', () => {
    const approvals = createApprovals()
    const one = ask(approvals, 1)
    expect(approvals.get(one.approval)).toMatchObject(one)
    expect(approvals.forAct(one.grant, one.act)?.approval).toBe(one.approval)
    expect(approvals.forAct(newId('grt'), one.act)).toBeUndefined()
    expect(approvals.forAct(one.grant, digest('another act'))).toBeUndefined()
    expect(approvals.ofDecision(one.decision)?.approval).toBe(one.approval)
    expect(approvals.byAct.get(one.act)).toEqual({ state: { ...one, approvedBy: [] }, sequence: 1 })
    answer(approvals, 2, one, 'approved')
    expect(approvals.byAct.get(one.act)).toMatchObject({ state: { approvedBy: [HUMANS[0]] }, sequence: 2 })
  })

  it('stand in the order of asking while they wait, and weigh on people until their deadline', () => {
    const approvals = createApprovals()
    const [first, second, third] = [1, 2, 3].map((sequence) => ask(approvals, sequence))
    const ids = (after?: number) => [...approvals.pending(NOW, after)].map(({ approval }) => approval.approval)
    expect(ids()).toEqual([first, second, third].map((one) => one?.approval))
    expect(ids(1)).toEqual([second?.approval, third?.approval])
    answer(approvals, 4, first as Approval, 'refused')
    answer(approvals, 5, second as Approval, 'approved')
    expect(ids()).toEqual([third?.approval])
    expect(approvals.weighing(AGENTS[0] as string, NOW)).toBe(2)
    expect(approvals.weighing(AGENTS[1] as string, NOW)).toBe(0)
    expect(approvals.weighing(AGENTS[0] as string, at(15))).toBe(0)
    expect([...approvals.pending(at(15))]).toEqual([])
  })

  it('that are asked for anew put the earlier one of the same act to an end', () => {
    const approvals = createApprovals()
    const first = ask(approvals, 1)
    const second = ask(approvals, 2, { act: first.act, grant: first.grant, persons: 2 })
    expect(approvals.forAct(first.grant, first.act)?.approval).toBe(second.approval)
    expect([...approvals.pending(NOW)].map(({ approval }) => approval.approval)).toEqual([second.approval])
    expect(approvals.standing(approvals.get(first.approval) as Approval, NOW)).toBe('expired')
    expect([...approvals.all()].map(({ order }) => order)).toEqual([2, 1])
    expect([...approvals.all(2)].map(({ order }) => order)).toEqual([1])
  })

  it('are forgotten 30 days after their deadline', () => {
    const approvals = createApprovals()
    const old = ask(approvals, 1)
    const lasting = ask(approvals, 2, { expires_at: hours(2) })
    const days = (count: number) => at(15 + count * 1440)
    ask(approvals, 3, {}, days(30))
    expect(approvals.get(old.approval)).toBeDefined()
    ask(approvals, 4, {}, new Date(days(30).getTime() + 1))
    expect([approvals.get(old.approval), approvals.ofDecision(old.decision)]).toEqual([undefined, undefined])
    expect(approvals.forAct(old.grant, old.act)).toBeUndefined()
    expect(approvals.get(lasting.approval)).toBeDefined()
  })

  it('wake who waits for one, and nobody else', async () => {
    const approvals = createApprovals()
    const [one, other] = [ask(approvals, 1), ask(approvals, 2)]
    const woken: string[] = []
    const waits = [one, other].map(({ approval }) => approvals.changed(approval, 60).then(() => woken.push(approval)))
    answer(approvals, 3, one, 'approved')
    await waits[0]
    expect(woken).toEqual([one.approval])
    await waits[1]
  })
})
