import type { PolicyFact } from '@credence/contracts/events/catalog'
import { newCommit, type RecordedCommit } from '@credence/shared/event-store/commit'
import { newId } from '@credence/shared/ids'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { CALENDAR, hours, NOW } from '../../../../infra/testing/facts.ts'
import { openFolder, replayed, restored } from '../../../../infra/testing/snapshots.ts'
import { type ApprovalState, approve, refuse, requestApproval, standingOf, useApproval } from '../domain/approval.ts'
import { createApprovals } from './approvals.ts'

const { folder, remove } = openFolder()
afterAll(remove)

const PEOPLE = [newId('hum'), newId('hum')]
const AGENTS = [newId('agt'), newId('agt')]
const ACTS = ['1', '2', '3'].map((digit) => ({ grant: newId('grt'), act: digit.repeat(64) }))
const DAY_MS = 86_400_000

type Step = { act: number; what: 'ask' | 'approve' | 'refuse' | 'use'; who: number; days: number }
const steps = fc.array(
  fc.record<Step>({
    act: fc.nat(ACTS.length - 1),
    what: fc.constantFrom('ask', 'approve', 'refuse', 'use'),
    who: fc.nat(1),
    days: fc.constantFrom(0, 0, 0, 20),
  }),
  { maxLength: 25 },
)

/** What the command of a step decides; nothing when it is refused. */
function decide(state: ApprovalState, { act, what, who }: Step, now: Date): PolicyFact[] {
  const answering = {
    approval: state?.approval ?? '',
    who: { human: PEOPLE[who] as string, roles: new Set(['approver']) },
    ended: undefined,
    now,
  }
  const request = {
    ...(ACTS[act] as (typeof ACTS)[number]),
    approval: newId('apr'),
    decision: newId('dec'),
    agent: AGENTS[who] as string,
    human: newId('hum'),
    task: newId('tsk'),
    action: 'payment.send',
    resource: 'Invoice::7',
    sensitivity: 'internal' as const,
    audience: CALENDAR,
    policy: 'p',
    approver: 'approver',
    persons: 1 + who,
    withinSeconds: 900,
  }
  try {
    if (what === 'approve') return approve(state, answering)
    if (what === 'refuse') return refuse(state, answering)
    if (what === 'use') return useApproval(state, newId('dec'), now)
    return requestApproval(state, request, { ended: undefined, weighing: 0, grantExpiresAt: hours(1, now), now })
  } catch {
    return []
  }
}

/** Steps as they become commits, one after the other: never a fact that no command decides. */
function historyOf(all: Step[]): { commits: RecordedCommit[]; now: Date } {
  const { byAct } = createApprovals()
  const commits: RecordedCommit[] = []
  let now = NOW
  for (const step of all) {
    now = new Date(now.getTime() + step.days * DAY_MS)
    const { act } = ACTS[step.act] as (typeof ACTS)[number]
    const facts = decide(byAct.get(act).state, step, now)
    if (facts.length === 0) continue
    const about = { actor: { kind: 'human' as const, id: 'x' }, source: 'x', subject: `approval/${act}`, now }
    const commit = { ...newCommit(facts, about), stream: 'POLICY', sequence: commits.length + 1 }
    commits.push(commit)
    byAct.apply(commit)
  }
  return { commits, now }
}

const make = () => {
  const approvals = createApprovals()
  return { approvals, models: approvals.models }
}

describe('approvals in memory', () => {
  it('are the same from a snapshot and the events after it as from all events', async () => {
    const seen = ({ approvals }: ReturnType<typeof make>, now: Date) => ({
      kept: [...approvals.byAct.dump()],
      newest: ACTS.map(({ grant, act }) => [approvals.forAct(grant, act), approvals.byAct.get(act)]),
      pending: [...approvals.pending(now)],
      all: [...approvals.all()],
      weighing: AGENTS.map((agent) => approvals.weighing(agent, now)),
    })
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), async (all, point) => {
        const { commits, now } = historyOf(all)
        const at = point % (commits.length + 1)
        const { before, after } = await restored(folder, make, commits, at)
        expect(seen(before, now)).toEqual(seen(replayed(make, commits.slice(0, at)), now))
        expect(seen(after, now)).toEqual(seen(replayed(make, commits), now))
      }),
      { numRuns: 60 },
    )
  })

  it('are open at most once for an act, used at most once, and remember nothing for ever', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const { commits, now } = historyOf(all)
        const { approvals } = replayed(make, commits)
        const acts = [...approvals.pending(now)].map(({ approval }) => approval.act)
        expect(new Set(acts).size).toBe(acts.length)
        const uses = commits.flatMap(({ facts }) =>
          facts.flatMap(({ type, data }) => (type === 'credence.policy.approval.used.v1' ? [data.approval] : [])),
        )
        expect(new Set(uses).size).toBe(uses.length)
        const written = commits.at(-1)
        for (const { approval } of approvals.all()) {
          expect(approval.approvedBy.length).toBeLessThanOrEqual(approval.persons)
          expect(new Set(approval.approvedBy).size).toBe(approval.approvedBy.length)
          if (written?.facts[0]?.type === 'credence.policy.approval.requested.v1')
            expect(Date.parse(approval.expires_at)).toBeGreaterThanOrEqual(Date.parse(written.time) - 30 * DAY_MS)
          expect(['pending', 'approved', 'refused', 'expired', 'used']).toContain(standingOf(approval, now))
        }
      }),
    )
  })
})
