/** Finds agents by what is known of them, in the order of registration. */
import type { Agent } from '@credence/contracts/principals/agent'
import type { AgentIndex, AgentRecord } from './agent-index.ts'

export type AgentQuery = {
  /** All must fit. A value that ends in a star stands for everything that begins so. */
  terms: { field: string; value: string }[]
  unusedSince: Date | undefined
  withoutSponsor: boolean
  withoutOwner: boolean
}

/** What a search looks at besides the agent itself. */
export type Around = {
  agent: (id: string) => Agent | undefined
  /** The agent that has, or had, this key. */
  agentOfKey: (thumbprint: string) => string | undefined
  stateOf: (agent: Agent, now: Date) => Agent['state']
  sponsorOf: (agent: Agent) => string
  isThere: (human: string) => boolean
}

type Read = (agent: Agent, around: Around, now: Date) => string | undefined

const FIELDS: Record<string, Read> = {
  id: (agent) => agent.agent,
  blueprint: (agent) => agent.blueprint,
  purpose: (agent) => agent.purpose,
  state: (agent, around, now) => around.stateOf(agent, now),
  kind: (agent) => agent.kind,
  autonomy: (agent) => agent.autonomy,
  sponsor: (agent, around) => around.sponsorOf(agent),
  owner: (agent) => agent.owner,
  parent: (agent) => agent.parent,
  'model.provider': (agent) => agent.model.provider,
  'model.name': (agent) => agent.model.name,
  'model.version': (agent) => agent.model.version,
  'model.digest': (agent) => agent.model.digest,
  prompt_digest: (agent) => agent.prompt_digest,
  tool_manifest_digest: (agent) => agent.tool_manifest_digest,
  key_thumbprint: (agent) => agent.key_thumbprint,
}
const LABEL = 'labels.'

export const FIELD_NAMES = [...Object.keys(FIELDS), 'labels.<name>']
export const isField = (name: string): boolean =>
  Object.hasOwn(FIELDS, name) || (name.startsWith(LABEL) && name.length > LABEL.length)

const readerOf = (field: string): Read => {
  if (!field.startsWith(LABEL)) return FIELDS[field] ?? (() => undefined)
  const name = field.slice(LABEL.length)
  return ({ labels }) => (labels && Object.hasOwn(labels, name) ? labels[name] : undefined)
}

const startsWith = (value: string): string | undefined => (value.endsWith('*') ? value.slice(0, -1) : undefined)

/** @returns whether an agent fits, as things are now */
export function fits(query: AgentQuery, around: Around) {
  const tests = query.terms.map(({ field, value }) => {
    const read = readerOf(field)
    const beginning = startsWith(value)
    return (agent: Agent, now: Date): boolean => {
      const found = read(agent, around, now)
      if (beginning === undefined) return (found ?? '') === value
      return found?.startsWith(beginning) === true
    }
  })
  const since = query.unusedSince?.getTime()
  return (record: AgentRecord, agent: Agent, now: Date): boolean => {
    if (since !== undefined && (record.usedAt ?? record.registeredAt) >= since) return false
    if (query.withoutSponsor && around.isThere(around.sponsorOf(agent))) return false
    if (query.withoutOwner && around.isThere(agent.owner)) return false
    return tests.every((test) => test(agent, now))
  }
}

/** Places that alone can fit, in order; undefined: all of them. */
function candidates(query: AgentQuery, index: AgentIndex, around: Around): readonly number[] | undefined {
  let fewest: readonly number[] | undefined
  for (const { field, value } of query.terms) {
    if (startsWith(value) !== undefined) continue
    const found = only(field, value, index, around) ?? index.having(field, value)
    if (found && (!fewest || found.length < fewest.length)) fewest = found
  }
  return fewest
}

function only(field: string, value: string, index: AgentIndex, around: Around): number[] | undefined {
  if (field !== 'id' && field !== 'key_thumbprint') return undefined
  const id = field === 'id' ? value : around.agentOfKey(value)
  const record = id === undefined ? undefined : index.record(id)
  return record ? [record.place] : []
}

/** How many agents are looked at before others get their turn. */
export const TURN = 2_000
export const otherTurns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/**
 * One page of the agents that fit.
 * @param after the place of the last one that was told; -1 at the beginning
 * @returns at most `size` of them, and whether there are more
 */
export async function searchAgents(
  query: AgentQuery,
  page: { after: number; size: number },
  { index, around, now }: { index: AgentIndex; around: Around; now: Date },
): Promise<{ agents: Agent[]; more: boolean }> {
  const fit = fits(query, around)
  const places = candidates(query, index, around)
  const agents: Agent[] = []
  const end = () => (places ? places.length : index.count())
  let looked = 0
  for (let at = places ? firstAfter(places, page.after) : page.after + 1; at < end(); at++) {
    if (++looked % TURN === 0) await otherTurns()
    const record = index.at(places ? (places[at] ?? -1) : at)
    const agent = record && around.agent(record.id)
    if (!record || !agent || !fit(record, agent, now)) continue
    if (agents.length === page.size) return { agents, more: true }
    agents.push(agent)
  }
  return { agents, more: false }
}

/** Index of the first place after another, in places that ascend. */
function firstAfter(places: readonly number[], after: number): number {
  let low = 0
  let high = places.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((places[middle] ?? 0) <= after) low = middle + 1
    else high = middle
  }
  return low
}
