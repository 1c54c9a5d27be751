/**
 * Events of different streams arrive in any order between one another. What a decision makes of them all is the same, and so
 * is the snapshot from which it is recomputed.
 */
import { sha256 } from '@credence/shared/digest'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { expect, it, vi } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { AGENTS } from '../../../../infra/testing/identity-histories.ts'
import { conclude, stand } from '../domain/decision.ts'
import { lookupIn, situationOf } from '../domain/situation.ts'
import { history, TASKS } from '../testing/histories.ts'
import { createWorld } from './world.ts'

vi.setConfig({ testTimeout: 300_000 })

const STREAMS = ['IDENTITY', 'ATTESTATION', 'POLICY'] as const

/** Takes from the streams in the order of the picks; the order within each stays. */
function interleaved(commits: RecordedCommit[], picks: number[]): RecordedCommit[] {
  const queues = STREAMS.map((stream) => commits.filter((commit) => commit.stream === stream))
  const merged: RecordedCommit[] = []
  for (let at = 0; queues.some((queue) => queue.length > 0); at++) {
    const waiting = queues.filter((queue) => queue.length > 0)
    const next = waiting[(picks[at % picks.length] ?? 0) % waiting.length]?.shift()
    if (next) merged.push(next)
  }
  return merged
}

function worldOf(commits: RecordedCommit[]) {
  const world = createWorld()
  for (const commit of commits)
    for (const model of world.models[commit.stream as (typeof STREAMS)[number]]) model.apply(commit)
  return world
}

const policies = {
  version: '0'.repeat(64),
  engine: 'given',
  evaluate: ({ risk, attestation }: { risk: { level: number }; attestation?: { status: string } }) => ({
    permits: ['all'],
    forbids: risk.level > 2 ? ['risky'] : attestation ? [] : ['unattested'],
    errors: [],
    erroredForbids: [],
  }),
  meaningOf: () => ({ obligations: [], reliedSeconds: 30 }),
  actions: [],
  mayPermit: () => true,
}

function decided(world: ReturnType<typeof worldOf>, agentId: string, grantId: string, from = world.lookup) {
  const root = world.rootOf(world.taskOfGrant(grantId)?.delegation)
  const question = {
    agentId,
    grantId,
    tokenId: 't1',
    action: 'calendar.book',
    resource: { type: 'CalendarEvent', id: '2026/1', sensitivity: 'internal' as const },
    audience: facts.CALENDAR,
    supportedObligations: [],
  }
  const location = world.locate('10.0.0.1')
  const surroundings = {
    tokenRevoked: world.revokedTokens.has('t1'),
    stale: [],
    location,
    enforcementPoint: { id: 'spiffe://acme.example/enforcement-point/1', location },
    used: (node: string, detail: number) => world.used(root, node, detail),
    approval: () => undefined,
  }
  const { outcome, reasons, reliedUntil } = conclude(stand(question, from, surroundings, facts.NOW), policies)
  return { outcome, reasons, reliedUntil, location }
}

it('commuting events do not change a decision, and its snapshot decides the same', () => {
  const picks = fc.array(fc.nat(5), { minLength: 1, maxLength: 40 })
  const reasons = new Set<string>()
  fc.assert(
    fc.property(history, picks, picks, (commits, one, other) => {
      const [some, others] = [worldOf(interleaved(commits, one)), worldOf(interleaved(commits, other))]
      for (const agent of AGENTS)
        for (const { grant } of TASKS) {
          const decision = decided(some, agent, grant)
          expect(decided(others, agent, grant)).toEqual(decision)
          const kept = canonicalize(situationOf(some.lookup, agent, grant)) ?? ''
          expect(sha256(canonicalize(situationOf(others.lookup, agent, grant)) ?? '')).toBe(sha256(kept))
          expect(decided(some, agent, grant, lookupIn(JSON.parse(kept)))).toEqual(decision)
          for (const reason of decision.reasons) reasons.add(reason)
        }
    }),
    { numRuns: 300 },
  )
  expect(reasons.size).toBeGreaterThan(12)
  for (const reason of ['revoked', 'withdrawn', 'insufficient']) expect(reasons).toContain(`attestation_${reason}`)
})
