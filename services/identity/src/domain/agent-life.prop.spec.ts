/** Random lives: whatever is commanded, in whatever order, at whatever time. */

import { CredenceError } from '@credence/contracts/errors'
import type { Fact, IdentityFact } from '@credence/contracts/events/catalog'
import { identityEvents } from '@credence/contracts/events/identity'
import {
  type AgentState,
  agentEvolution,
  hasEnded,
  isHeld,
  isSuspendedByAttestation,
  livingKeys,
} from '@credence/contracts/principals/agent'
import fc from 'fast-check'
import { expect, it, vi } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { hours } from '../../../../infra/testing/facts.ts'
import { rotateKey, withdrawKey } from './agent-key.ts'
import * as life from './agent-life.ts'
import { activateAgent, expireAttestation, loseAttestation } from './attested-life.ts'

vi.setConfig({ testTimeout: 600_000 })

const agent = facts.agent({ kind: 'continuous', expires_at: hours(8) })
const id = agent.agent
const blueprint = facts.folded()
const why = { cause: 'operator', reason: 'a reason' } as const
const owners = [facts.person().human, facts.person().human]

type Move = { name: string; pick: number; yes: boolean; other: boolean; hour: number; at: number }
const KEYS = ['k0', 'k1', 'k2', 'k3']
const DECIDERS: Record<string, (state: AgentState, move: Move, now: Date) => IdentityFact[]> = {
  activate: (state, { pick, other, at }, now) =>
    activateAgent(
      state,
      {
        id: RESULTS[pick] as string,
        expiresAt: hours(pick % 2 ? 20 : 0.1),
        keyThumbprint: (other && pick === 1 ? agent : state)?.key_thumbprint ?? '',
        position: `ATTESTATION:${at}`,
      },
      now,
    ),
  lose: (state, { pick, yes, other, at }, now) =>
    loseAttestation(
      state,
      {
        cause: 'reference_withdrawn',
        consequence: yes ? 'quarantine' : 'suspend',
        reason: 'a reason',
        position: `ATTESTATION:${at}`,
        ...(other ? { result: RESULTS[pick] as string } : {}),
      },
      now,
    ),
  lapse: (state, _, now) => expireAttestation(state, now),
  suspend: (state, _, now) => life.suspendAgent(state, id, why, now),
  quarantine: (state, _, now) => life.quarantineAgent(state, id, why, now),
  restore: (state, { yes, other }, now) =>
    life.restoreAgent(state, { id, reason: 'a reason', mayLiftQuarantine: yes, sponsorIsActive: other }, now),
  renew: (state, { pick }, now) => life.renewAgent(state, { id, lifetimeSeconds: pick * 7_200 }, blueprint, now),
  changeOwner: (state, { yes }, now) =>
    life.changeAgentOwner(state, { id, owner: owners[Number(yes)] as string, reason: 'a reason' }, now),
  rotateKey: (state, { pick }, now) =>
    rotateKey(
      state,
      { id, publicJwk: agent.public_jwk, keyThumbprint: KEYS[pick] as string, overlapSeconds: 3_600 },
      now,
    ),
  withdrawKey: (state, { pick }, now) =>
    withdrawKey(state, { id, thumbprint: KEYS[pick] as string, reason: 'a reason' }, now),
  revoke: (state) => life.revokeAgent(state, id, 'a reason'),
  retire: (state) => life.retireAgent(state, id, 'a reason'),
  expire: (state, _, now) => life.expireAgent(state, now),
}
const RESULTS = KEYS.map(() => facts.result().result)
/** Ends are rarer than the rest, or every life would be short. */
const WEIGHTS: Record<string, number> = {
  revoke: 1,
  retire: 1,
  expire: 1,
  activate: 20,
  restore: 16,
  lapse: 20,
  lose: 8,
}
const names = Object.keys(DECIDERS).flatMap((name) => Array(WEIGHTS[name] ?? 4).fill(name))

const moves = fc.array(
  fc.record({
    name: fc.constantFrom(...names),
    pick: fc.integer({ min: 0, max: 3 }),
    yes: fc.boolean(),
    other: fc.boolean(),
    hour: fc.constantFrom(0, 0, 0, 0.1, 0.5, 2),
    at: fc.integer({ min: 1, max: 5 }),
  }),
  { minLength: 5, maxLength: 30 },
)
const WORDS: Record<string, string[]> = {
  registered: ['registered', 'active', 'suspended', 'quarantined', 'revoked', 'retired', 'expired'],
  active: ['active', 'suspended', 'quarantined', 'revoked', 'retired', 'expired'],
  suspended: ['suspended', 'quarantined', 'registered', 'active', 'revoked', 'retired', 'expired'],
  quarantined: ['quarantined', 'registered', 'active', 'revoked', 'retired', 'expired'],
}

it('retire-is-final: no end is ever left; every transition is a well-formed event with its reason; only what is held is restored', () => {
  const seen = { ended: 0, restored: 0, withdrawn: 0, refused: 0, lifted: 0 }
  fc.assert(
    fc.property(moves, (made) => {
      let state = agentEvolution.evolve(undefined, facts.registered({ ...agent, key_thumbprint: 'k0' }))
      const gone = new Set<string>()
      let hour = 0
      for (const [index, move] of made.entries()) {
        hour += move.hour
        const now = new Date(hours(hour))
        const before = state as NonNullable<AgentState>
        let decided: IdentityFact[] = []
        try {
          decided = DECIDERS[move.name]?.(state, { ...move, at: index * 3 + move.at }, now) ?? []
        } catch (error) {
          expect(error).toBeInstanceOf(CredenceError)
          seen.refused++
        }
        for (const fact of decided) {
          expect(identityEvents[fact.type].safeParse(fact.data).error).toBeUndefined()
          const saysWhy = /suspended|quarantined|restored|revoked|retired|withdrawn|owner_changed/.test(fact.type)
          if (saysWhy) expect(fact.data).toHaveProperty('reason', expect.stringMatching(/^a reason$|over at/))
        }
        state = decided.reduce(agentEvolution.evolve as (state: AgentState, fact: Fact) => AgentState, state)
        const after = state as NonNullable<AgentState>
        if (hasEnded(before)) {
          seen.ended++
          expect([decided, after]).toEqual([[], before])
          continue
        }
        expect(WORDS[before.state]).toContain(after.state)
        if (before.state !== after.state) expect(decided.length).toBeGreaterThan(0)
        if (decided.some(({ type }) => type.endsWith('.restored.v1'))) {
          seen.restored++
          expect(isHeld(before) && move.other).toBe(true)
          expect(before.state === 'suspended' || move.yes).toBe(true)
          expect(livingKeys(after, now).length).toBeGreaterThan(0)
        } else if (isHeld(before) && !hasEnded(after) && !isHeld(after)) {
          // Nothing but a newer result, and only what attestation had said.
          seen.lifted++
          expect(decided.map(({ type }) => type)).toEqual(['credence.identity.agent.activated.v1'])
          expect(isSuspendedByAttestation(before)).toBe(true)
        }
        if (after.state === 'active') expect(after.result).toBeDefined()
        for (const fact of decided)
          if (fact.type === 'credence.identity.agent.key_withdrawn.v1') gone.add(fact.data.key_thumbprint)
        if (gone.size > 0) seen.withdrawn++
        for (const { thumbprint } of livingKeys(after, now)) expect(gone.has(thumbprint)).toBe(false)
        expect(livingKeys(after, now).length).toBeLessThanOrEqual(2)
      }
    }),
    { numRuns: 4_000 },
  )
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(300)
})
