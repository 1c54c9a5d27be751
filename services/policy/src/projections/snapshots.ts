/**
 * Digests of the snapshots from which decisions can be recomputed. While the states that a decision reads are the same ones,
 * so is the snapshot: it is written once. (What is remembered is a digest, not a decision.)
 */
import { sha256 } from '@credence/shared/digest'
import canonicalize from 'canonicalize'
import { type Lookup, situationOf, statesOf } from '../domain/situation.ts'

/** Keeps a snapshot; it is there when this resolves. */
export type KeepSnapshot = (digest: string, text: string) => Promise<void>

export type Snapshots = {
  /** Digest of what a decision on this agent and grant reads now, and when that snapshot is kept. */
  of(agentId: string, grantId: string): { digest: string; kept: Promise<void> | undefined }
}

type Known = { agentId: string; states: unknown[]; digest: string; kept: Promise<void> | undefined }

const MOST = 200_000

export function createSnapshots(lookup: Lookup, keep: KeepSnapshot): Snapshots {
  const byGrant = new Map<string, Known>()
  return {
    of: (agentId, grantId) => {
      const states = statesOf(lookup, agentId, grantId)
      const known = byGrant.get(grantId)
      if (known?.agentId === agentId && areSame(known.states, states)) return known
      const text = canonicalize(situationOf(lookup, agentId, grantId)) ?? '{}'
      const digest = sha256(text)
      const fresh: Known = { agentId, states, digest, kept: keep(digest, text) }
      fresh.kept?.then(
        () => {
          fresh.kept = undefined
        },
        () => byGrant.delete(grantId),
      )
      if (byGrant.size >= MOST) byGrant.delete(byGrant.keys().next().value as string)
      byGrant.set(grantId, fresh)
      return fresh
    },
  }
}

const areSame = (some: unknown[], others: unknown[]): boolean =>
  some.length === others.length && some.every((state, index) => state === others[index])
