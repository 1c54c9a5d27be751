/** Grants as the exchange needs them, folded from POLICY. */
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { keptMap } from '@credence/shared/event-store/read-model'
import { createSharing } from '@credence/shared/event-store/sharing'
import type { Grant } from '../domain/exchange.ts'

export function createGrants() {
  const grants = new Map<string, Grant>()
  const share = createSharing(['authorization_details'])
  const { dump, load, clear } = keptMap(grants)
  return {
    name: 'identity/grants',
    dump,
    load: (entry: unknown) => share(load(entry)),
    clear,
    get: (id: string) => grants.get(id),
    apply: (commit: RecordedCommit) => {
      for (const { type, data } of commit.facts) {
        if (type === 'credence.policy.grant.issued.v1') {
          const { grant, task, agent, delegation, authorization_details, expires_at } = data
          grants.set(grant, share({ grant, task, agent, delegation, authorization_details, expires_at, live: true }))
        }
        if (type === 'credence.policy.grant.ended.v1') {
          const known = grants.get(data.grant)
          if (known) grants.set(data.grant, { ...known, live: false })
        }
      }
    },
  }
}

export type Grants = ReturnType<typeof createGrants>
