/** An agent as every service folds it from IDENTITY, and whether it may still act. */
import type { EventData, Fact } from '../events/catalog.ts'

export type Agent = EventData<'credence.identity.agent.registered.v1'> & {
  /** What was last said of it; expiry is a matter of time and stands in `expires_at`. */
  state: 'registered' | 'active' | 'revoked'
  result?: { id: string; expiresAt: string }
}

export type AgentState = Agent | undefined

export const agentEvolution = { initialState: undefined as AgentState, evolve }

function evolve(state: AgentState, fact: Fact): AgentState {
  switch (fact.type) {
    case 'credence.identity.agent.registered.v1':
      return { ...fact.data, state: 'registered' }
    case 'credence.identity.agent.activated.v1': {
      const result = { id: fact.data.result, expiresAt: fact.data.result_expires_at }
      return state && { ...state, state: state.state === 'revoked' ? 'revoked' : 'active', result }
    }
    case 'credence.identity.agent.revoked.v1':
      return state && { ...state, state: 'revoked' }
    default:
      return state
  }
}

/** Longest chain that is walked; a longer one counts as ended. */
export const MAX_DEPTH = 32

export type AgentEnd = 'agent_unknown' | 'agent_revoked' | 'agent_expired' | 'parent_ended'

/** Why an agent is at its end: by itself, or because one above it is. Undefined while it lives. */
export function agentEnd(id: string, find: (id: string) => AgentState, now: Date): AgentEnd | undefined {
  let next: string | undefined = id
  for (let depth = 0; next !== undefined; depth++) {
    const agent: AgentState = depth < MAX_DEPTH ? find(next) : undefined
    const end = !agent
      ? 'agent_unknown'
      : agent.state === 'revoked'
        ? 'agent_revoked'
        : new Date(agent.expires_at) <= now
          ? 'agent_expired'
          : undefined
    if (end) return depth === 0 ? end : 'parent_ended'
    next = agent?.parent
  }
  return undefined
}

/** The id in `spiffe://<trust-domain>/agent/<blueprint>/<agent-id>`; the caller compares the whole name with the agent’s. */
export const agentIdIn = (spiffeId: string): string => spiffeId.slice(spiffeId.lastIndexOf('/') + 1)
