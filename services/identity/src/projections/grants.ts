/** Grants as the exchange needs them, folded from POLICY. */
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import type { Grant } from '../domain/exchange.ts'

export function createGrants() {
  const grants = new Map<string, Grant>()
  return {
    get: (id: string) => grants.get(id),
    apply: (commit: RecordedCommit) => {
      for (const { type, data } of commit.facts) {
        if (type === 'credence.policy.grant.issued.v1') {
          const { grant, task, agent, delegation, authorization_details, expires_at } = data
          grants.set(grant, { grant, task, agent, delegation, authorization_details, expires_at, live: true })
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
