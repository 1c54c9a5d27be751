/** What the index needs of a database, and how a record becomes a row. */
import type { Entry } from '../domain/entry.ts'

export type Row = {
  log_index: number
  time: string
  origin: string
  origin_sequence: number
  type: string
  subject: string
  actor: string
  human: string
  entry: string
}

/** A row, and what its record names: (kind, id) pairs. */
export type IndexedRecord = { row: Row; links: [kind: string, id: string][] }

export type IndexStore = {
  /** How many records are there, the next log index, and the highest sequence of each origin. */
  state(): Promise<{ size: number; next: number; positions: Record<string, number> }>
  /** Records in order, without a gap. */
  insert(records: IndexedRecord[]): Promise<void>
  clear(): Promise<void>
  /** Read-only; values come in as parameters (`{name:String}`), never as text. */
  query<T>(text: string, parameters?: Record<string, unknown>): Promise<T[]>
  close(): Promise<void>
}

const KINDS = [
  'agent',
  'task',
  'grant',
  'delegation',
  'decision',
  'effect',
  'result',
  'blueprint',
  'human',
  'challenge',
  'reference',
  'anchor',
] as const

export function toRecord(logIndex: number, entry: Entry, bytes: Uint8Array): IndexedRecord {
  const { event } = entry
  const { facts, actor, correlation } = event.data
  const links = new Map<string, [string, string]>()
  const link = (kind: string, id: unknown) => {
    if (typeof id === 'string' && id) links.set(`${kind}/${id}`, [kind, id])
  }
  for (const { data } of facts) {
    for (const kind of KINDS) link(kind, data[kind])
    for (const id of Array.isArray(data.delegations) ? data.delegations : []) link('delegation', id)
    for (const kind of ['reference', 'anchor'] as const) {
      const ids = data[`${kind}s`]
      for (const id of Array.isArray(ids) ? ids : []) link(kind, id)
    }
    link('result', (data.attestation as { result?: string } | undefined)?.result)
    link(
      'policy',
      data.policy_version ?? (event.type.startsWith('credence.policy.policyset.') ? data.version : undefined),
    )
  }
  for (const kind of ['task', 'delegation', 'human'] as const) link(kind, correlation[kind])
  return {
    row: {
      log_index: logIndex,
      time: event.time.replace('T', ' ').replace('Z', ''),
      origin: entry.origin,
      origin_sequence: entry.sequence,
      type: event.type,
      subject: event.subject,
      actor: actor.id,
      human: correlation.human ?? '',
      entry: Buffer.from(bytes).toString('utf8'),
    },
    links: [...links.values()],
  }
}
