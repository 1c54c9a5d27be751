/** How delegations were ended before their time, for the page on which people look after them. */
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { keptMap } from '@credence/shared/event-store/read-model'

/** Who ended it, why and when. */
export type Revocation = { by: string; reason: string; at: string }
export type Revocations = ReturnType<typeof createRevocations>

export function createRevocations() {
  const revocations = new Map<string, Revocation>()
  return {
    name: 'identity/revocations',
    ...keptMap(revocations),
    apply: (commit: RecordedCommit) => {
      for (const { type, data } of commit.facts)
        if (type === 'credence.identity.delegation.revoked.v1')
          revocations.set(data.delegation, { by: commit.actor.id, reason: data.reason, at: commit.time })
    },
    get: (delegation: string) => revocations.get(delegation),
  }
}
