import type { Fact } from '@credence/contracts/events/catalog'
import { newId } from '@credence/shared/ids'
import { describe, expect, it } from 'vitest'
import { DIGEST, fact, hours, NOW } from '../../../../infra/testing/facts.ts'
import { given as givenFacts } from '../../../../infra/testing/given.ts'
import {
  type Answerer,
  type Approval,
  type ApprovalRequest,
  approvalEvolution,
  approve,
  mayAnswer,
  refuse,
  requestApproval,
  standingOf,
  useApproval,
} from './approval.ts'

const [cora, ruth, amir] = [newId('hum'), newId('hum'), newId('hum')]
const request = (part: Partial<ApprovalRequest> = {}): ApprovalRequest => ({
  approval: newId('apr'),
  decision: newId('dec'),
  agent: newId('agt'),
  human: cora,
  task: newId('tsk'),
  grant: newId('grt'),
  action: 'payment.send',
  resource: 'Invoice::7',
  sensitivity: 'confidential',
  audience: 'https://bank.acme.example',
  act: DIGEST,
  policy: 'payments-are-approved',
  approver: 'approver',
  persons: 1,
  withinSeconds: 900,
  ...part,
})
const open = { ended: undefined, weighing: 0, grantExpiresAt: hours(1), now: NOW }
const minutes = (count: number) => new Date(NOW.getTime() + count * 60_000)

const asked = request()
const requested = (of = asked): Fact[] => requestApproval(undefined, of, open)
const approved = (human: string, of = asked) =>
  fact('credence.policy.approval.approved.v1', { approval: of.approval, human })
const refused = (human: string, of = asked) =>
  fact('credence.policy.approval.refused.v1', { approval: of.approval, human })
const used = (of = asked) => fact('credence.policy.approval.used.v1', { approval: of.approval, decision: newId('dec') })

const given = (...facts: Fact[]) => givenFacts(approvalEvolution, facts)
const approver = (human: string, ...roles: string[]): Answerer => ({ human, roles: new Set(['approver', ...roles]) })
const by = (who: Answerer, part: { ended?: string; now?: Date; of?: ApprovalRequest } = {}) => ({
  approval: (part.of ?? asked).approval,
  who,
  ended: part.ended,
  now: part.now ?? NOW,
})

describe('asking for an approval', () => {
  it('is one fact, with a deadline', () => {
    const { withinSeconds: _, ...data } = asked
    given()
      .when((state) => requestApproval(state, asked, open))
      .thenFacts({
        type: 'credence.policy.approval.requested.v1',
        data: { ...data, expires_at: minutes(15).toISOString() },
      })
  })
  it('gives no more time than the grant has', () => {
    const until = minutes(5).toISOString()
    given()
      .when((state) => requestApproval(state, asked, { ...open, grantExpiresAt: until }))
      .thenFacts({ type: 'credence.policy.approval.requested.v1', data: { expires_at: until } })
  })
  it('happens once for a decision, whatever became of it', () => {
    for (const rest of [[], [approved(ruth)], [refused(ruth)], [approved(ruth), used()]])
      given(...requested(), ...rest)
        .when((state) => requestApproval(state, asked, { ...open, now: minutes(60) }))
        .thenNothing()
  })
  it('happens once for an act: another decision joins what is open, or was given and not used', () => {
    const another = request({ approval: newId('apr') })
    for (const rest of [[], [approved(ruth)]])
      given(...requested(), ...rest)
        .when((state) => requestApproval(state, another, open))
        .thenNothing()
  })
  it('begins anew once the earlier one was used, or is over', () => {
    const again = [{ type: 'credence.policy.approval.requested.v1' as const }]
    given(...requested(), approved(ruth), used())
      .when((state) => requestApproval(state, request(), open))
      .thenFacts(...again)
    given(...requested())
      .when((state) => requestApproval(state, request(), { ...open, now: minutes(15) }))
      .thenFacts(...again)
    given(...requested(), refused(ruth))
      .when((state) => requestApproval(state, request(), { ...open, now: minutes(15) }))
      .thenFacts(...again)
  })
  it('begins anew when the policy now demands more than people were asked for', () => {
    for (const more of [{ persons: 2 }, { approver: 'security-operator' }])
      given(...requested(), approved(ruth))
        .when((state) => requestApproval(state, request(more), open))
        .thenFacts({ type: 'credence.policy.approval.requested.v1', data: more })
  })
  it('is not repeated until somebody gives in: what was refused stays refused until its deadline', () => {
    given(...requested(), refused(ruth))
      .when((state) => requestApproval(state, request(), { ...open, now: minutes(14) }))
      .thenRefused('approval_refused')
  })
  it('ends where too many are open, where nothing counts any more, and where nobody could satisfy it', () => {
    given()
      .when((state) => requestApproval(state, asked, { ...open, weighing: 10 }))
      .thenRefused('too_many_approvals')
    given()
      .when((state) => requestApproval(state, asked, { ...open, ended: 'grant_ended' }))
      .thenRefused('grant_ended')
    given()
      .when((state) => requestApproval(state, request({ approver: 'delegator', persons: 2 }), open))
      .thenRefused('approval_impossible')
  })
})

describe('who may answer', () => {
  const state = (part: Partial<ApprovalRequest>) => requested(request(part)).reduce(approvalEvolution.evolve, undefined)
  it('is who holds the role, but never the human for whom the agent acts', () => {
    expect(mayAnswer(state({}) as Approval, approver(ruth))).toBe(true)
    expect(mayAnswer(state({}) as Approval, { human: ruth, roles: new Set(['security-operator']) })).toBe(false)
    expect(mayAnswer(state({}) as Approval, approver(cora, 'security-operator'))).toBe(false)
  })
  it('is the delegator alone, where the policy says so', () => {
    expect(mayAnswer(state({ approver: 'delegator' }) as Approval, { human: cora, roles: new Set() })).toBe(true)
    expect(mayAnswer(state({ approver: 'delegator' }) as Approval, approver(ruth, 'delegator'))).toBe(false)
  })
})

describe('answering', () => {
  it('by one who may not is refused, for approving and refusing alike', () => {
    for (const answer of [approve, refuse])
      for (const who of [approver(cora), { human: ruth, roles: new Set(['sponsor']) }])
        given(...requested())
          .when((state) => answer(state, by(who)))
          .thenRefused('not_your_approval')
  })
  it('once approves what one person is enough for', () => {
    given(...requested())
      .when((state) => approve(state, by(approver(ruth))))
      .thenFacts({ type: 'credence.policy.approval.approved.v1', data: { approval: asked.approval, human: ruth } })
    given(...requested(), approved(ruth))
      .when((state) => approve(state, by(approver(amir))))
      .thenRefused('approval_answered')
  })
  it('twice by one person counts once: two persons are two persons', () => {
    const two = request({ persons: 2 })
    const once = [...requested(two), approved(ruth, two)]
    given(...once)
      .when((state) => approve(state, by(approver(ruth), { of: two })))
      .thenNothing()
    expect(standingOf(once.reduce(approvalEvolution.evolve, undefined) as Approval, NOW)).toBe('pending')
    given(...once)
      .when((state) => approve(state, by(approver(amir), { of: two })))
      .thenFacts({ type: 'credence.policy.approval.approved.v1' })
    const both = [...once, approved(amir, two)]
    expect(standingOf(both.reduce(approvalEvolution.evolve, undefined) as Approval, NOW)).toBe('approved')
  })
  it('with no ends it: before, between and after approvals, and by one who had approved', () => {
    const two = request({ persons: 2 })
    for (const [who, ...rest] of [
      [amir],
      [amir, approved(ruth, two)],
      [ruth, approved(ruth, two), approved(amir, two)],
    ] as [string, ...Fact[]][])
      given(...requested(two), ...rest)
        .when((state) => refuse(state, by(approver(who), { of: two })))
        .thenFacts({ type: 'credence.policy.approval.refused.v1' })
    given(...requested(), refused(ruth))
      .when((state) => approve(state, by(approver(amir))))
      .thenRefused('approval_refused')
    given(...requested(), refused(ruth))
      .when((state) => refuse(state, by(approver(ruth))))
      .thenNothing()
  })
  it('after the deadline, after its use and after the end of what it hangs on is too late', () => {
    for (const answer of [approve, refuse]) {
      given(...requested())
        .when((state) => answer(state, by(approver(ruth), { now: minutes(15) })))
        .thenRefused('approval_expired')
      given(...requested(), approved(ruth), used())
        .when((state) => answer(state, by(approver(amir))))
        .thenRefused('approval_used')
      given(...requested())
        .when((state) => answer(state, by(approver(ruth), { ended: 'delegation_revoked' })))
        .thenRefused('delegation_revoked')
    }
  })
  it('an approval whose act was asked for anew is refused: one is open at a time', () => {
    const newer = request({ persons: 2 })
    const facts = [
      ...requested(),
      ...requestApproval(requested().reduce(approvalEvolution.evolve, undefined), newer, open),
    ]
    for (const answer of [approve, refuse])
      given(...facts)
        .when((state) => answer(state, by(approver(ruth))))
        .thenRefused('approval_superseded')
  })
})

describe('using an approval', () => {
  const decision = newId('dec')
  it('happens once', () => {
    given(...requested(), approved(ruth))
      .when((state) => useApproval(state, decision, NOW))
      .thenFacts({ type: 'credence.policy.approval.used.v1', data: { approval: asked.approval, decision } })
    given(...requested(), approved(ruth), used())
      .when((state) => useApproval(state, decision, NOW))
      .thenRefused('approval_used')
  })
  it('does not happen while it is open, refused, over, or was never asked for', () => {
    const cases: [string, Fact[], Date][] = [
      ['approval_missing', [], NOW],
      ['approval_pending', requested(), NOW],
      ['approval_pending', [...requested(request({ persons: 2 })), approved(ruth)], NOW],
      ['approval_refused', [...requested(), approved(ruth), refused(amir)], NOW],
      ['approval_expired', [...requested(), approved(ruth)], minutes(15)],
    ]
    for (const [reason, facts, now] of cases)
      given(...facts)
        .when((state) => useApproval(state, decision, now))
        .thenRefused(reason)
  })
})
