/** Principals, with the look-ups that only their owner needs. */
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { createPrincipals as createShared } from '@credence/shared/principals'

export type Principals = ReturnType<typeof createPrincipals>

export function createPrincipals() {
  const shared = createShared()
  const thumbprints = new Set<string>()
  return {
    ...shared,
    apply: (commit: RecordedCommit) => {
      shared.apply(commit)
      for (const { type, data } of commit.facts) {
        if (type === 'credence.identity.agent.registered.v1') {
          thumbprints.add(data.key_thumbprint)
        }
      }
    },
    keyIsTaken: (thumbprint: string) => thumbprints.has(thumbprint),
  }
}
