/**
 * What a decision knows of the principals and the grant that a question names. On the way to a decision it is looked up in
 * the read models; the same walk makes the snapshot from which the decision can be recomputed.
 */
import type { Sensitivity } from '@credence/contracts/events/values'
import { type AgentState, agentEnd, MAX_DEPTH } from '@credence/contracts/principals/agent'
import type { BlueprintState } from '@credence/contracts/principals/blueprint'
import { type Delegation, type DelegationState, delegationEnd } from '@credence/contracts/principals/delegation'
import type { HumanState } from '@credence/contracts/principals/human'
import type { MandateState } from '@credence/contracts/principals/mandate'
import { countsUntil, type FindWithdrawal, type Result } from './attestation.ts'
import type { RiskState } from './risk.ts'
import type { TaskState } from './task.ts'

/** The states of things, by id. */
export type Lookup = {
  agent: (id: string) => AgentState
  blueprint: (name: string) => BlueprintState
  human: (id: string) => HumanState
  mandate: (id: string) => MandateState
  delegation: (id: string) => DelegationState
  taskOfGrant: (grant: string) => TaskState
  /** The agent's newest result, accepted or not. */
  result: (agent: string) => Result | undefined
  withdrawal: FindWithdrawal
  risk: (agent: string) => RiskState
}

export type Kind =
  | 'agents'
  | 'blueprints'
  | 'humans'
  | 'mandates'
  | 'delegations'
  | 'grants'
  | 'results'
  | 'withdrawals'
  | 'risks'
type Visit = (kind: Kind, id: string, state: unknown) => void

/** The situation as plain data: by kind and id, only what a decision reads. */
export type Situation = { [K in Kind]?: Record<string, unknown> }

/** Everything that a decision on this agent and grant reads, always in the same order. */
function walk(lookup: Lookup, agentId: string, grantId: string, visit: Visit): void {
  const line = (id: string) => {
    let next: string | undefined = id
    for (let depth = 0; next !== undefined && depth < MAX_DEPTH; depth++) {
      const agent: AgentState = lookup.agent(next)
      visit('agents', next, agent)
      if (agent) visit('blueprints', agent.blueprint, lookup.blueprint(agent.blueprint))
      next = agent?.survives_parent ? undefined : agent?.parent
    }
  }
  line(agentId)
  const result = lookup.result(agentId)
  visit('results', agentId, result)
  for (const id of result?.rests_on ?? []) {
    const withdrawal = lookup.withdrawal(id)
    if (withdrawal) visit('withdrawals', id, withdrawal)
  }
  visit('risks', agentId, lookup.risk(agentId))
  const task = lookup.taskOfGrant(grantId)
  visit('grants', grantId, task)
  let next = task?.delegation
  for (let depth = 0; next !== undefined && depth < MAX_DEPTH; depth++) {
    const delegation: DelegationState = lookup.delegation(next)
    visit('delegations', next, delegation)
    if (!delegation) return
    if (depth > 0) line(delegation.agent)
    if (!delegation.parent) {
      visit('humans', delegation.human, lookup.human(delegation.human))
      if (delegation.mandate) visit('mandates', delegation.mandate, lookup.mandate(delegation.mandate))
    }
    next = delegation.parent
  }
}

/** The states themselves. They are replaced when they change: the same ones mean the same situation. */
export function statesOf(lookup: Lookup, agentId: string, grantId: string): unknown[] {
  const states: unknown[] = []
  walk(lookup, agentId, grantId, (_kind, _id, state) => states.push(state))
  return states
}

/** The ids of these things, and when the first of them ends by itself (milliseconds since the epoch). */
export function reliedOn(
  lookup: Lookup,
  agentId: string,
  grantId: string,
  sensitivity: Sensitivity,
): { ids: string[]; until: number } {
  const ids = new Set<string>()
  let until = Number.POSITIVE_INFINITY
  walk(lookup, agentId, grantId, (kind, id, state) => {
    ids.add(kind === 'grants' ? ((state as TaskState)?.task ?? id) : id)
    const one = (kind === 'grants' ? (state as TaskState)?.grant : state) as { expires_at?: string } | undefined
    if (one?.expires_at) until = Math.min(until, Date.parse(one.expires_at))
    if (kind !== 'results' || !state) return
    const result = state as Result
    for (const rest of result.rests_on) ids.add(rest)
    until = Math.min(until, countsUntil(result, lookup.agent(agentId), sensitivity))
  })
  return { ids: [...ids], until }
}

export function situationOf(lookup: Lookup, agentId: string, grantId: string): Situation {
  const situation: Situation = {}
  walk(lookup, agentId, grantId, (kind, id, state) => {
    if (state === undefined) return
    situation[kind] ??= {}
    situation[kind][id] = readOf(kind, state)
  })
  return situation
}

/**
 * A situation as it is kept: what many decisions share stands there by the digest of its own text. Only the task with its
 * grant stands there itself.
 */
export type KeptSituation = Pick<Situation, 'grants'> & { parts: { [K in Kind]?: Record<string, string> } }

/** @param digestOf of a state that is kept as a part */
export function keptSituationOf(
  lookup: Lookup,
  agentId: string,
  grantId: string,
  digestOf: (kind: Kind, state: object) => string,
): KeptSituation {
  const kept: KeptSituation = { parts: {} }
  walk(lookup, agentId, grantId, (kind, id, state) => {
    if (state === undefined) return
    if (kind === 'grants') kept.grants = { [id]: state }
    else {
      kept.parts[kind] ??= {}
      kept.parts[kind][id] = digestOf(kind, state as object)
    }
  })
  return kept
}

/** What a decision reads of a state. */
export const readOf = (kind: Kind, state: unknown): unknown =>
  READ[kind] ? picked(state as object, READ[kind]) : state

/** Of these only what a decision reads; of the others everything. */
const READ: { [K in Kind]?: readonly string[] } = {
  agents: [
    'agent',
    'spiffe_id',
    'blueprint',
    'purpose',
    'sponsor',
    'owner',
    'kind',
    'autonomy',
    'model',
    'prompt_digest',
    'tool_manifest_digest',
    'labels',
    'parent',
    'survives_parent',
    'key_thumbprint',
    'earlierKey',
    'keyWithdrawn',
    'state',
    'expires_at',
  ],
  blueprints: ['sponsor', 'withdrawn'],
}

const picked = (state: object, members: readonly string[]): Record<string, unknown> => {
  const found: Record<string, unknown> = {}
  for (const member of members) {
    const value = (state as Record<string, unknown>)[member]
    if (value !== undefined) found[member] = value
  }
  return found
}

/** The way back: a snapshot, to be asked as the read models are. */
export function lookupIn(situation: Situation): Lookup {
  const find =
    <T>(kind: Kind) =>
    (id: string): T | undefined => {
      const states = situation[kind]
      return states && Object.hasOwn(states, id) ? (states[id] as T) : undefined
    }
  return {
    agent: find('agents'),
    blueprint: find('blueprints'),
    human: find('humans'),
    mandate: find('mandates'),
    delegation: find('delegations'),
    taskOfGrant: find('grants'),
    result: find('results'),
    withdrawal: find('withdrawals'),
    risk: find('risks'),
  }
}

export function endsIn(lookup: Lookup, now: Date) {
  const isWithdrawn = (name: string) => lookup.blueprint(name)?.withdrawn === true
  const endOf = (id: string) => agentEnd(id, lookup.agent, now, isWithdrawn)
  const { agent, human, mandate } = lookup
  return {
    agentEnd: endOf,
    delegationEnd: (chain: Delegation[] | undefined) =>
      delegationEnd(chain, { agent, human, mandate, agentEnd: endOf }, now),
  }
}
