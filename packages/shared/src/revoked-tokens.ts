/** Access tokens that were given back or taken away before their time, as every service that follows IDENTITY needs them. */
import type { RecordedCommit } from './event-store/commit.ts'
import { keptMap } from './event-store/read-model.ts'

/** Clocks may differ by this much: somebody may still take a token that is over here. */
const SKEW_MS = 60_000

export type RevokedTokens = ReturnType<typeof createRevokedTokens>

/** Forgets a token once nobody would take it any more: what is kept is at most what was revoked within a token's life. */
export function createRevokedTokens() {
  const until = new Map<string, number>()
  const { dump, load, clear } = keptMap(until)
  return {
    name: 'revoked-tokens',
    dump,
    load: (entry: unknown): void => void load(entry),
    clear,
    apply: (commit: RecordedCommit) => {
      for (const { type, data } of commit.facts)
        if (type === 'credence.identity.token.revoked.v1') {
          forget(until, Date.parse(commit.time))
          until.set(data.token, Date.parse(data.expires_at) + SKEW_MS)
        }
    },
    /** @param token its `jti` */
    has: (token: string) => until.has(token),
    size: () => until.size,
  }
}

/** The oldest first, and no further than needed: tokens live for minutes, so the order of revocation is nearly that of ends. */
function forget(until: Map<string, number>, now: number): void {
  for (const [token, end] of until) {
    if (end > now) return
    until.delete(token)
  }
}
