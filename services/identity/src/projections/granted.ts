/** What each person has delegated, and how it was ended: for the page on which they look after it. */
import type { RecordedCommit } from '@credence/shared/event-store/commit'

/** Who ended a delegation before its time, why and when. */
export type Revocation = { by: string; reason: string; at: string }
export type Granted = ReturnType<typeof createGranted>

export function createGranted() {
  const byHuman = new Map<string, string[]>()
  const revocations = new Map<string, Revocation>()
  return {
    apply: (commit: RecordedCommit) => {
      for (const { type, data } of commit.facts) {
        if (type === 'credence.identity.delegation.granted.v1' && !data.parent && !data.mandate) {
          const known = byHuman.get(data.human)
          if (known) known.push(data.delegation)
          else byHuman.set(data.human, [data.delegation])
        }
        if (type === 'credence.identity.delegation.revoked.v1')
          revocations.set(data.delegation, { by: commit.actor.id, reason: data.reason, at: commit.time })
      }
    },
    /** Roots only, the oldest first. */
    by: (human: string): readonly string[] => byHuman.get(human) ?? [],
    revocation: (delegation: string) => revocations.get(delegation),
  }
}
