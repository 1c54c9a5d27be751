/**
 * Access tokens that were given back or taken away before their time, as every service that follows IDENTITY needs
 * them. What was exchanged for a revoked token is revoked with it, whichever of the two was written first.
 */
import type { RecordedCommit } from './event-store/commit.ts'
import { keptMap } from './event-store/read-model.ts'

/** Clocks may differ by this much: somebody may still take a token that is over here. */
const SKEW_MS = 60_000

export type RevokedTokens = ReturnType<typeof createRevokedTokens>

/** A token and when nobody would take it any more. */
type Ending = { token: string; end: number }
/** What was exchanged for one token. */
type Made = { end: number; tokens: readonly Ending[] }
type Entry = ['revoked' | 'made', unknown]

/** Forgets a token once nobody would take it any more: what is kept is at most what happened within a token's life. */
export function createRevokedTokens() {
  const revoked = new Map<string, { end: number }>()
  const made = new Map<string, Made>()
  const kept = { revoked: keptMap(revoked), made: keptMap(made) }

  function remember(from: string, token: string, end: number): void {
    const known = made.get(from) ?? { end, tokens: [] }
    made.set(from, { end: Math.max(known.end, end), tokens: [...known.tokens, { token, end }] })
  }
  function revoke(first: string, end: number): void {
    const all: Ending[] = [{ token: first, end }]
    for (const next of all) {
      if (revoked.has(next.token)) continue
      revoked.set(next.token, { end: next.end })
      all.push(...(made.get(next.token)?.tokens ?? []))
    }
  }
  const tidy = ({ time }: RecordedCommit) => {
    forget(revoked, Date.parse(time))
    forget(made, Date.parse(time))
  }

  return {
    name: 'revoked-tokens',
    dump: (): Iterable<Entry> => {
      const parts = [kept.revoked.dump(), kept.made.dump()] as const
      return (function* (): Generator<Entry> {
        for (const entry of parts[0]) yield ['revoked', entry]
        for (const entry of parts[1]) yield ['made', entry]
      })()
    },
    load: (entry: unknown): void => {
      const [which, one] = entry as Entry
      kept[which].load(one)
    },
    clear: (): void => {
      revoked.clear()
      made.clear()
    },
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
