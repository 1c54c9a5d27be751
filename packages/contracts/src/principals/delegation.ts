/** A delegation as every service folds it from IDENTITY, and whether it still counts. */
import type { EventData, Fact } from '../events/catalog.ts'
import { type AgentEnd, type AgentState, isHeld, MAX_DEPTH } from './agent.ts'
import type { Human, HumanState } from './human.ts'
import type { MandateState } from './mandate.ts'

export type Delegation = EventData<'credence.identity.delegation.granted.v1'> & { revoked: boolean }
export type DelegationState = Delegation | undefined

export const delegationEvolution = { initialState: undefined as DelegationState, evolve }

function evolve(state: DelegationState, fact: Fact): DelegationState {
  switch (fact.type) {
    case 'credence.identity.delegation.granted.v1':
      return state ?? { ...fact.data, revoked: false }
    case 'credence.identity.delegation.revoked.v1':
      return state && { ...state, revoked: true }
    default:
      return state
  }
}

type Find = (id: string) => DelegationState

/** From this delegation up to its root. Undefined when a link is missing or the chain is too long. */
export function delegationChain(id: string, find: Find): Delegation[] | undefined {
  const chain: Delegation[] = []
  for (let next: string | undefined = id; next !== undefined; ) {
    const delegation: DelegationState = chain.length < MAX_DEPTH ? find(next) : undefined
    if (!delegation) return undefined
    chain.push(delegation)
    next = delegation.parent
  }
  return chain
}

export type DelegationEnd =
  | 'delegation_unknown'
  | 'delegation_revoked'
  | 'delegation_expired'
  | 'delegation_not_yet'
  | 'delegator_ended'
  | 'delegator_held'
  | 'human_unknown'
  | 'human_deactivated'
  | 'mandate_ended'

/** What stands around a chain: the agents that it went through, the person and the mandate at its root. */
export type Around = {
  agentEnd: (agent: string) => AgentEnd | undefined
  agent: (id: string) => AgentState
  human: (id: string) => HumanState
  mandate: (id: string) => MandateState
}

/**
 * Why a delegation does not count: one of its chain is revoked, over, or has not begun; an agent that passed it on has
 * ended or is held; the person has left; the mandate is over. Undefined while it counts. Nothing is written for what
 * hangs below: it counts again when what held it is restored.
 */
export function delegationEnd(chain: Delegation[] | undefined, around: Around, now: Date): DelegationEnd | undefined {
  if (!chain) return 'delegation_unknown'
  for (const [index, link] of chain.entries()) {
    const end = ownEnd(link, now) ?? (index > 0 ? delegatorEnd(link.agent, around) : undefined)
    if (end) return end
  }
  const root = chain.at(-1)
  return root && rootEnd(root, around, now)
}

function ownEnd({ revoked, expires_at, not_before }: Delegation, now: Date): DelegationEnd | undefined {
  if (revoked) return 'delegation_revoked'
  if (!(new Date(expires_at) > now)) return 'delegation_expired'
  return new Date(not_before) <= now ? undefined : 'delegation_not_yet'
}

function delegatorEnd(id: string, around: Around): DelegationEnd | undefined {
  if (around.agentEnd(id)) return 'delegator_ended'
  const agent = around.agent(id)
  return !agent || isHeld(agent) ? 'delegator_held' : undefined
}

/** Who signed a mandate off does so for the company: it outlives them, with the next sponsor answering for it. */
function rootEnd(root: Delegation, around: Around, now: Date): DelegationEnd | undefined {
  if (root.mandate !== undefined) {
    const mandate = around.mandate(root.mandate)
    return mandate && !mandate.revoked && new Date(mandate.expires_at) > now ? undefined : 'mandate_ended'
  }
  const human = around.human(root.human)
  if (!human) return 'human_unknown'
  return human.active && gaveInThisStay(root, human) ? undefined : 'human_deactivated'
}

/** By count and not by clock: stays follow one another in the stream. */
const gaveInThisStay = ({ stay = 0 }: Delegation, { departures }: Human): boolean => stay === departures
