/**
 * Digests of the snapshots from which decisions can be recomputed. While the states that a decision reads are the same ones,
 * so is the snapshot: it is written once. So is each of its parts, whatever snapshots name it: an agent with ten grants is
 * written once and not ten times. (What is remembered is a digest, not a decision.)
 */
import { sha256 } from '@credence/shared/digest'
import canonicalize from 'canonicalize'
import { type Kind, keptSituationOf, type Lookup, readOf, statesOf } from '../domain/situation.ts'

/** Keeps a text under its digest; it is there when this resolves. */
export type KeepSnapshot = (digest: string, text: string) => Promise<void>

export type Snapshots = {
  /** Digest of what a decision on this agent and grant reads now, and when that snapshot is kept. */
  of(agentId: string, grantId: string): Kept
}

type Kept = { digest: string; kept: Promise<unknown> | undefined }
type Known = Kept & { agentId: string; states: unknown[] }

const MOST = 200_000

export function createSnapshots(lookup: Lookup, keep: KeepSnapshot): Snapshots {
  const byGrant = new Map<string, Known>()
  const parts = new WeakMap<object, Kept>()

  const keptAs = <Made extends Kept>(made: Made, work: Promise<unknown>, forget: () => void): Made => {
    made.kept = work
    work.then(() => {
      made.kept = undefined
    }, forget)
    return made
  }
  const partOf = (kind: Kind, state: object): Kept => {
    const known = parts.get(state)
    if (known) return known
    const text = canonicalize(readOf(kind, state)) ?? ''
    const digest = sha256(text)
    const part = keptAs({ digest, kept: undefined }, keep(digest, text), () => parts.delete(state))
    parts.set(state, part)
    return part
  }
  return {
    of: (agentId, grantId) => {
      const states = statesOf(lookup, agentId, grantId)
      const known = byGrant.get(grantId)
      if (known?.agentId === agentId && areSame(known.states, states)) return known
      const awaited: Promise<unknown>[] = []
      const root = keptSituationOf(lookup, agentId, grantId, (kind, state) => {
        const { digest, kept } = partOf(kind, state)
        if (kept) awaited.push(kept)
        return digest
      })
      const text = canonicalize(root) ?? ''
      const digest = sha256(text)
      const all = Promise.all([keep(digest, text), ...awaited])
      const fresh = keptAs({ agentId, states, digest, kept: undefined }, all, () => byGrant.delete(grantId))
      if (byGrant.size >= MOST) byGrant.delete(byGrant.keys().next().value as string)
      byGrant.set(grantId, fresh)
      return fresh
    },
  }
}

const areSame = (some: unknown[], others: unknown[]): boolean =>
  some.length === others.length && some.every((state, index) => state === others[index])
