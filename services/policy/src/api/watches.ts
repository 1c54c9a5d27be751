/**
 * Answers that somebody still relies on. When a thing that an answer relied on changes, whoever got it is told to ask again:
 * once, and not what the new answer would be.
 */
import type { Fact } from '@credence/contracts/events/catalog'
import type { RecordedCommit } from '@credence/shared/event-store/commit'

/** Why an answer may not hold any more: the kind of thing that changed, or that its time is over or it was forgotten here. */
export type Cause =
  | 'agent'
  | 'grant'
  | 'delegation'
  | 'attestation'
  | 'risk'
  | 'policies'
  | 'locations'
  | 'human'
  | 'blueprint'
  | 'mandate'
  | 'approval'
  | 'token'
  | 'time'
  | 'forgotten'

export type Watch = {
  /** Ids of everything that was relied on. */
  relied: readonly string[]
  /** When the first of them ends by itself, in milliseconds since the epoch. */
  until: number
  tell(cause: Cause): void
}

export type Watches = {
  /** @returns ends the watch */
  add(watch: Watch): () => void
  /** Hears of every commit. */
  apply(commit: RecordedCommit): void
  /** Tells those whose time is over. */
  tick(now: Date): void
  size(): number
}

/** Beyond this the oldest are told to ask again: nothing is forgotten in silence. */
const MOST = 100_000

export function createWatches(most = MOST): Watches {
  const all = new Set<Watch>()
  const byId = new Map<string, Set<Watch>>()

  const drop = (watch: Watch): boolean => {
    if (!all.delete(watch)) return false
    for (const id of watch.relied) {
      const watching = byId.get(id)
      watching?.delete(watch)
      if (watching?.size === 0) byId.delete(id)
    }
    return true
  }
  const tell = (watch: Watch, cause: Cause) => {
    if (drop(watch)) watch.tell(cause)
  }
  return {
    add: (watch) => {
      const [oldest] = all
      if (all.size >= most && oldest) tell(oldest, 'forgotten')
      all.add(watch)
      for (const id of watch.relied) {
        const watching = byId.get(id)
        if (watching) watching.add(watch)
        else byId.set(id, new Set([watch]))
      }
      return () => void drop(watch)
    },
    apply: (commit) => {
      const touched = changeIn(commit)
      if (!touched) return
      if (touched.everything) for (const watch of [...all]) tell(watch, touched.cause)
      else for (const id of touched.ids) for (const watch of [...(byId.get(id) ?? [])]) tell(watch, touched.cause)
    },
    tick: (now) => {
      for (const watch of all) if (watch.until <= now.getTime()) tell(watch, 'time')
    },
    size: () => all.size,
  }
}

type Change = { cause: Cause; ids: string[]; everything?: true }

const CAUSES: Record<string, Cause> = {
  agent: 'agent',
  delegation: 'delegation',
  human: 'human',
  mandate: 'mandate',
  blueprint: 'blueprint',
  risk: 'risk',
  approval: 'approval',
}

/** What a commit changes of the things that decisions rely on; undefined for all else. */
function changeIn({ subject, facts }: RecordedCommit): Change | undefined {
  const [kind = '', id = ''] = subject.split('/')
  if (kind === 'live') return { cause: 'policies', ids: [], everything: true }
  if (kind === 'location') return { cause: 'locations', ids: [], everything: true }
  if (kind === 'task') return { cause: 'grant', ids: [id] }
  const attested = facts.flatMap(attestationIn)
  if (attested.length > 0) return { cause: 'attestation', ids: attested }
  for (const { type, data } of facts)
    if (type === 'credence.identity.token.revoked.v1') return { cause: 'token', ids: [data.token] }
  const cause = CAUSES[kind]
  return cause && { cause, ids: [id] }
}

/** The agent whose result it is, or what results rest on: a watch relies on all of that by its id. */
function attestationIn({ type, data }: Fact): string[] {
  switch (type) {
    case 'credence.attestation.result.recorded.v1':
    case 'credence.attestation.result.revoked.v1':
      return [data.agent]
    case 'credence.attestation.reference.withdrawn.v1':
      return [data.reference]
    case 'credence.attestation.anchor.withdrawn.v1':
      return [data.anchor]
    case 'credence.attestation.measurement.blocked.v1':
    case 'credence.attestation.measurement.unblocked.v1':
      return [data.digest]
    default:
      return []
  }
}
