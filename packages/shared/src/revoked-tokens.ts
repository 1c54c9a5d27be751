/**
 * Access tokens that were given back or taken away before their time, as every service that follows IDENTITY needs
 * them. What was exchanged for a revoked token is revoked with it, whichever of the two was written first.
 */
import type { RecordedCommit } from './event-store/commit.ts'

/** Clocks may differ by this much: somebody may still take a token that is over here. */
const SKEW_MS = 60_000

export type RevokedTokens = ReturnType<typeof createRevokedTokens>

type Made = { end: number; tokens: { token: string; end: number }[] }

/** Forgets a token once nobody would take it any more: what is kept is at most what happened within a token's life. */
export function createRevokedTokens() {
  const revoked = new Map<string, { end: number }>()
  /** What was exchanged for a token. */
  const made = new Map<string, Made>()

  const remember = (from: string, token: string, end: number) => {
    const known = made.get(from) ?? { end, tokens: [] }
    known.tokens.push({ token, end })
    made.set(from, { ...known, end: Math.max(known.end, end) })
  }
  function revoke(first: string, end: number): void {
    const all = [{ token: first, end }]
    for (const next of all) {
      if (revoked.has(next.token)) continue
      revoked.set(next.token, { end: next.end })
      all.push(...(made.get(next.token)?.tokens ?? []))
    }
  }

  const tidy = ({ time }: RecordedCommit) => {
    for (const kept of [revoked, made]) forget(kept, Date.parse(time))
  }
  return {
    apply: (commit: RecordedCommit) => {
      for (const { type, data } of commit.facts) {
        if (type === 'credence.identity.token.revoked.v1') {
          tidy(commit)
          revoke(data.token, endOf(data))
        }
        if (type === 'credence.identity.token.issued.v1' && data.subject_token !== undefined) {
          tidy(commit)
          remember(data.subject_token, data.token, endOf(data))
          if (revoked.has(data.subject_token)) revoke(data.token, endOf(data))
        }
      }
    },
    /** @param token its `jti` */
    has: (token: string) => revoked.has(token),
    size: () => revoked.size + made.size,
  }
}

const endOf = ({ expires_at }: { expires_at: string }) => Date.parse(expires_at) + SKEW_MS

/** The oldest first, and no further than needed: tokens live for minutes, so the order of arrival is nearly that of ends. */
function forget(kept: Map<string, { end: number }>, now: number): void {
  for (const [token, { end }] of kept) {
    if (end > now) return
    kept.delete(token)
  }
}
