/** Profiles, reference values and challenges in memory. */
import { aggregates } from '@credence/shared/event-store/aggregates'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { challengeEvolution } from '../domain/challenge.ts'
import { profileEvolution } from '../domain/profile.ts'
import { type Reference, referenceEvolution } from '../domain/reference.ts'

export type Appraisals = ReturnType<typeof createAppraisals>

export function createAppraisals() {
  const profiles = aggregates('attestation', 'profile', profileEvolution)
  const references = aggregates('attestation', 'reference', referenceEvolution)
  const challenges = aggregates('attestation', 'challenge', challengeEvolution)
  const byBlueprint = new Map<string, Reference[]>()
  const open = new Map<string, Map<string, number>>()

  return {
    profiles,
    references,
    challenges,
    apply: (commit: RecordedCommit) => {
      profiles.apply(commit)
      references.apply(commit)
      challenges.apply(commit)
      for (const { type, data } of commit.facts) {
        if (type === 'credence.attestation.reference.approved.v1')
          byBlueprint.set(data.blueprint, [...(byBlueprint.get(data.blueprint) ?? []), data])
        if (type === 'credence.attestation.challenge.issued.v1') {
          const mine = open.get(data.agent) ?? new Map<string, number>()
          open.set(data.agent, mine.set(data.challenge, new Date(data.expires_at).getTime()))
        }
        if (type === 'credence.attestation.result.recorded.v1') open.get(data.agent)?.delete(data.challenge)
      }
    },
    profile: (blueprint: string) => profiles.get(blueprint).state,
    referencesOf: (blueprint: string) => byBlueprint.get(blueprint) ?? [],
    /** Challenges of an agent that could still be answered. */
    openChallenges: (agent: string, now: Date): number => {
      const mine = open.get(agent) ?? new Map<string, number>()
      for (const [challenge, until] of mine) if (until <= now.getTime()) mine.delete(challenge)
      return mine.size
    },
  }
}
