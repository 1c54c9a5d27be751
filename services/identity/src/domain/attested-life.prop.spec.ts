/**
 * Results and revocations of an agent are told once or many times, late by a while, with restarts between: what becomes of
 * the agent is the same, and it is never active on a result that was revoked before or that had ended.
 */
import type { Fact } from '@credence/contracts/events/catalog'
import { type AgentState, agentEvolution } from '@credence/contracts/principals/agent'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { hours, NOW } from '../../../../infra/testing/facts.ts'
import { activateAgent, loseAttestation } from './attested-life.ts'

const agent = facts.agent({ expires_at: hours(8) })

type Word =
  | { is: 'accepted'; result: string }
  | { is: 'changed' }
  | { is: 'revoked'; result: string; consequence: 'quarantine' | 'suspend' }

/** What attestation records, in its order: it revokes what it has recorded. */
const words = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.nat(9), fc.boolean()), { minLength: 1, maxLength: 12 })
  .map((picks) => {
    const results: string[] = []
    return picks.map(([what, pick, yes]): Word => {
      const result = results[pick % Math.max(1, results.length)]
      if (what === 0) return { is: 'changed' }
      if (what < 3 && result) return { is: 'revoked', result, consequence: yes ? 'quarantine' : 'suspend' }
      results.push(`att_${results.length}`)
      return { is: 'accepted', result: results.at(-1) as string }
    })
  })

function hear(state: AgentState, word: Word, sequence: number): AgentState {
  const position = `ATTESTATION:${sequence + 1}`
  const loss = { reason: 'test', position }
  const decided: Fact[] =
    word.is === 'accepted'
      ? activateAgent(
          state,
          { id: word.result, expiresAt: hours(2), keyThumbprint: agent.key_thumbprint, position },
          NOW,
        )
      : word.is === 'changed'
        ? loseAttestation(state, { ...loss, cause: 'composition_changed', consequence: 'quarantine' }, NOW)
        : loseAttestation(
            state,
            { ...loss, cause: 'reference_withdrawn', result: word.result, consequence: word.consequence },
            NOW,
          )
  return decided.reduce(agentEvolution.evolve, state)
}

const registered = agentEvolution.evolve(undefined, facts.registered(agent))
const inOrder = (all: Word[]) => all.reduce(hear, registered)

it('telling any of it again, at any later time, changes nothing', () => {
  const seen = { active: 0, suspended: 0, quarantined: 0 }
  fc.assert(
    fc.property(words, fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { maxLength: 6 }), (all, again) => {
      const wanted = inOrder(all)
      let state: AgentState = registered
      for (const [at, word] of all.entries()) {
        state = hear(state, word, at)
        for (const [when, which] of again)
          if (when === at && which <= at) state = hear(state, all[which] as Word, which)
      }
      expect(state).toEqual(wanted)
      const word = wanted?.state
      if (word && word in seen) seen[word as keyof typeof seen]++
    }),
    { numRuns: 2_000 },
  )
  for (const [state, count] of Object.entries(seen)) expect(count, state).toBeGreaterThan(50)
})

it('one is active only on the newest accepted result, and never when that was revoked or another composition came after it', () => {
  fc.assert(
    fc.property(words, (all) => {
      const state = inOrder(all)
      if (state?.state !== 'active') return
      const newest = all.findLastIndex(({ is }) => is === 'accepted')
      const [accepted, later] = [all[newest], all.slice(newest + 1)]
      expect(accepted).toMatchObject({ result: state.result?.id })
      const ends = later.filter(
        (word) => word.is === 'changed' || ('result' in word && word.result === state.result?.id),
      )
      expect(ends).toEqual([])
    }),
    { numRuns: 2_000 },
  )
})
