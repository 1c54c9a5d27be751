/**
 * Where every agent stands in the order of registration, when it changed and was used last, and which agents have the
 * same metadata. The order is that of the stream, so it is the same on every replica and never changes.
 */
import type { Agent } from '@credence/contracts/principals/agent'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import type { ReadModel } from '@credence/shared/event-store/read-model'
import type { Principals as Shared } from '@credence/shared/principals'

export type AgentRecord = {
  id: string
  /** Place in the order of registration, from 0. */
  place: number
  /** Sequence of its registration, and of the last event that changed what is shown of it. */
  first: number
  changed: number
  /** Milliseconds. A token that was issued is a use; telemetry is none, so its absence is not inactivity. */
  registeredAt: number
  usedAt?: number
}

/** Told after each commit that changed agents: their ids, and the commit's sequence. */
export type AgentListener = (agents: readonly string[], sequence: number) => void

type Registered = Pick<Agent, 'blueprint' | 'parent' | 'model' | 'prompt_digest' | 'tool_manifest_digest' | 'labels'>

/** What never changes of an agent and is worth an index. */
const indexed = (agent: Registered): [field: string, value: string][] => [
  ['blueprint', agent.blueprint],
  ['parent', agent.parent ?? ''],
  ['model.digest', agent.model.digest],
  ['prompt_digest', agent.prompt_digest],
  ['tool_manifest_digest', agent.tool_manifest_digest],
  ...Object.entries(agent.labels ?? {}).map(([name, value]): [string, string] => [`labels.${name}`, value]),
]

const INDEXED = new Set(['blueprint', 'parent', 'model.digest', 'prompt_digest', 'tool_manifest_digest'])
/** A field of which every value is indexed, so that an unknown value means: nobody. */
const isIndexed = (field: string): boolean => INDEXED.has(field) || field.startsWith('labels.')

export type AgentIndex = ReturnType<typeof createAgentIndex>

export function createAgentIndex(shared: Pick<Shared, 'withDescendants' | 'agent'>) {
  const order: AgentRecord[] = []
  const records = new Map<string, AgentRecord>()
  const places = new Map<string, number[]>()
  const listeners = new Set<AgentListener>()
  const keyOf = (field: string, value: string) => `${field}\n${value}`
  const alike = (field: string, value: string): readonly number[] => places.get(keyOf(field, value)) ?? []

  function add(record: AgentRecord, agent: Registered): void {
    const { id, place } = record
    order.push(record)
    records.set(id, record)
    for (const [field, value] of indexed(agent)) {
      const key = keyOf(field, value)
      const known = places.get(key)
      if (known) known.push(place)
      else places.set(key, [place])
    }
  }

  /** Whom a commit changed: an end reaches down, and a blueprint carries its agents. */
  function touched({ facts }: RecordedCommit): string[] {
    const found = new Set<string>()
    for (const { type, data } of facts) {
      switch (type) {
        case 'credence.identity.agent.revoked.v1':
        case 'credence.identity.agent.retired.v1':
        case 'credence.identity.agent.expired.v1':
          for (const id of shared.withDescendants(data.agent)) found.add(id)
          break
        case 'credence.identity.blueprint.withdrawn.v1':
        case 'credence.identity.blueprint.restored.v1':
        case 'credence.identity.blueprint.sponsor_changed.v1':
          for (const place of alike('blueprint', data.blueprint)) found.add(order[place]?.id ?? '')
          break
        default:
          if (type.startsWith('credence.identity.agent.') && 'agent' in data) found.add(data.agent)
      }
    }
    return [...found]
  }

  const model: ReadModel = {
    name: 'identity/agent-index',
    /** After the principals have folded the same commit. */
    apply: (commit) => {
      const { sequence } = commit
      for (const { type, data } of commit.facts) {
        if (type === 'credence.identity.agent.registered.v1') {
          const times = { first: sequence, changed: sequence, registeredAt: Date.parse(commit.time) }
          add({ id: data.agent, place: order.length, ...times }, data)
        }
        if (type === 'credence.identity.token.issued.v1') {
          const record = records.get(data.agent)
          if (record) record.usedAt = Date.parse(commit.time)
        }
      }
      const ids = touched(commit)
      if (ids.length === 0) return
      for (const id of ids) {
        const record = records.get(id)
        if (record) record.changed = commit.sequence
      }
      for (const listener of listeners) listener(ids, commit.sequence)
    },
    dump: () => {
      // Only these two members change, so only they are copied at once.
      const changed = Float64Array.from(order, (record) => record.changed)
      const used = Float64Array.from(order, ({ usedAt }) => usedAt ?? Number.NaN)
      return (function* () {
        for (const [at, value] of changed.entries()) {
          const { usedAt: _, ...record } = order[at] as AgentRecord
          const usedAt = used[at] as number
          yield { ...record, changed: value, ...(Number.isNaN(usedAt) ? {} : { usedAt }) }
        }
      })()
    },
    load: (entry) => {
      const record = entry as AgentRecord
      const agent = shared.agent(record.id)
      if (!agent) throw new Error(`${record.id} is in the index, and nowhere else`)
      add(record, agent)
    },
    clear: () => {
      order.length = 0
      records.clear()
      places.clear()
    },
  }
  return {
    model,
    record: (id: string): AgentRecord | undefined => records.get(id),
    at: (place: number): AgentRecord | undefined => order[place],
    count: (): number => order.length,
    /** Places of the agents with exactly this value, in order; undefined when the field has no index. */
    having: (field: string, value: string): readonly number[] | undefined =>
      isIndexed(field) && (value !== '' || field === 'parent') ? alike(field, value) : undefined,
    /** Those that changed after a sequence, the longest unchanged first. */
    changedSince: (sequence: number): { id: string; changed: number }[] =>
      order
        .filter(({ changed }) => changed > sequence)
        .map(({ id, changed }) => ({ id, changed }))
        .sort((a, b) => a.changed - b.changed),
    /** @returns what ends the listening */
    listen: (listener: AgentListener): (() => void) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
