/** Principals, with the look-ups that only their owner needs. */
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { keptSet, type ReadModel } from '@credence/shared/event-store/read-model'
import { createPrincipals as createShared } from '@credence/shared/principals'

export type Principals = ReturnType<typeof createPrincipals>

export function createPrincipals() {
  const shared = createShared()
  const thumbprints = new Set<string>()
  const keys: ReadModel = {
    name: 'identity/thumbprints',
    ...keptSet(thumbprints),
    apply: (commit) => {
      for (const { type, data } of commit.facts)
        if (type === 'credence.identity.agent.registered.v1') thumbprints.add(data.key_thumbprint)
    },
  }
  const models = [...shared.models, keys]
  return {
    ...shared,
    models,
    apply: (commit: RecordedCommit) => {
      for (const model of models) model.apply(commit)
    },
    keyIsTaken: (thumbprint: string) => thumbprints.has(thumbprint),
  }
}
