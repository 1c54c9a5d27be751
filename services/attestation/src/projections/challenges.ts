/** Challenges in memory, for as long as one could still be answered: agents that attest for years must not fill it. */
import type { ReadModel } from '@credence/shared/event-store/read-model'
import { keptMap } from '@credence/shared/event-store/read-model'
import { type Challenge, type ChallengeState, challengeEvolution } from '../domain/challenge.ts'

/** How long after its end one is still told from one that never was; and how far clocks may be apart. */
const KEPT_MS = 5 * 60_000
const KIND = 'challenge/'

export type Challenges = ReturnType<typeof createChallenges>

export function createChallenges() {
  /** In the order in which they were issued, and so in which they end. */
  const held = new Map<string, { state: Challenge; sequence: number }>()
  const byAgent = new Map<string, Set<string>>()
  const kept = keptMap(held)

  const hang = ({ agent, challenge }: Challenge) => {
    const mine = byAgent.get(agent)
    if (mine) mine.add(challenge)
    else byAgent.set(agent, new Set([challenge]))
  }
  function forgetBefore(time: number): void {
    for (const [id, { state }] of held) {
      if (Date.parse(state.expires_at) + KEPT_MS > time) return
      held.delete(id)
      const mine = byAgent.get(state.agent)
      mine?.delete(id)
      if (mine?.size === 0) byAgent.delete(state.agent)
    }
  }
  const model: ReadModel = {
    ...kept,
    name: 'attestation/challenge',
    apply: ({ subject, facts, sequence }) => {
      if (!subject.startsWith(KIND)) return
      const id = subject.slice(KIND.length)
      const state = facts.reduce<ChallengeState>(challengeEvolution.evolve, held.get(id)?.state)
      // What comes of one that is forgotten concerns its result only.
      if (!state) return
      const isNew = !held.has(id)
      held.set(id, { state, sequence })
      if (!isNew) return
      hang(state)
      forgetBefore(Date.parse(state.expires_at))
    },
    load: (entry) => hang(kept.load(entry).state),
    clear: () => {
      kept.clear()
      byAgent.clear()
    },
  }
  return {
    ...model,
    get: (id: string): { state: ChallengeState; sequence: number } => held.get(id) ?? { state: undefined, sequence: 0 },
    subject: (id: string) => `credence.attestation.challenge.${id}`,
    count: () => held.size,
    /** Those of an agent that could still be answered. */
    openOf: (agent: string, now: Date): number =>
      [...(byAgent.get(agent) ?? [])].filter((id) => {
        const state = held.get(id)?.state
        return state && !state.result && new Date(state.expires_at) > now
      }).length,
  }
}
