/**
 * Where every agent stands in the order of registration, when it changed and was used last, and which agents have the
 * same metadata. The order is that of the stream, so it is the same on every replica and never changes.
 */
import type { Agent } from '@credence/contracts/principals/agent'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import type { Principals as Shared } from '@credence/shared/principals'

/** Replaced when it changes, never altered. */
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

/** @param shared has folded a commit before this does */
export function createAgentIndex(shared: Pick<Shared, 'agent' | 'withDescendants'>) {
  const order: AgentRecord[] = []
  const placeOf = new Map<string, number>()
  const places = new Map<string, number[]>()
  const listeners = new Set<AgentListener>()
  const keyOf = (field: string, value: string) => `${field}\n${value}`
  const alike = (field: string, value: string): readonly number[] => places.get(keyOf(field, value)) ?? []
  const record = (id: string): AgentRecord | undefined => order[placeOf.get(id) ?? -1]

  function add(one: AgentRecord): void {
    const agent = shared.agent(one.id)
    order.push(one)
    placeOf.set(one.id, one.place)
    for (const [field, value] of agent ? indexed(agent) : []) {
      const key = keyOf(field, value)
      const known = places.get(key)
      if (known) known.push(one.place)
      else places.set(key, [one.place])
    }
  }
  const change = (id: string, part: Partial<AgentRecord>): void => {
    const known = record(id)
    if (known) order[known.place] = { ...known, ...part }
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

  return {
    name: 'identity/agent-index',
    apply: (commit: RecordedCommit): void => {
      const { sequence } = commit
      for (const { type, data } of commit.facts) {
        if (type === 'credence.identity.agent.registered.v1') {
          const registeredAt = Date.parse(commit.time)
          add({ id: data.agent, place: order.length, first: sequence, changed: sequence, registeredAt })
        }
        if (type === 'credence.identity.token.issued.v1') change(data.agent, { usedAt: Date.parse(commit.time) })
      }
      const ids = touched(commit)
      if (ids.length === 0) return
      for (const id of ids) change(id, { changed: sequence })
      for (const listener of listeners) listener(ids, sequence)
    },
    dump: (): AgentRecord[] => [...order],
    load: (entry: unknown): void => add(entry as AgentRecord),
    clear: (): void => {
      order.length = 0
      placeOf.clear()
      places.clear()
    },
    record,
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
