/** Who a caller is to the thing that is asked about: the person who answers for it, the agent itself, or a role. */
import { forbidden, notFound, precondition } from '@credence/contracts/errors'
import { type Agent, isHeld } from '@credence/contracts/principals/agent'
import type { Blueprint } from '@credence/contracts/principals/blueprint'
import type { Caller } from '@credence/shared/callers/caller'
import type { Role } from '@credence/shared/callers/roles'
import { heldBecause } from '../../domain/agent-life.ts'
import type { Principals } from '../../projections/principals.ts'

export type AgentCaller = Caller & { kind: 'agent' }

/** For methods that agents alone may call. */
export const asAgent = (caller: Caller): AgentCaller => {
  if (caller.kind !== 'agent') throw forbidden('role_missing', 'This call is for: agent.')
  return caller
}

export const hasRole = (caller: Caller, roles: readonly Role[]): boolean => roles.some((role) => caller.roles.has(role))
export const isHuman = (caller: Caller, human: string): boolean => caller.kind === 'human' && caller.id === human

/** @throws CredenceError `permission_denied` unless the caller is the sponsor, or has one of the roles */
export function refuseUnlessSponsor(caller: Caller, sponsor: string, roles: readonly Role[]): void {
  if (isHuman(caller, sponsor) || hasRole(caller, roles)) return
  const others = roles.length > 0 ? `, or for: ${roles.join(', ')}` : ''
  throw forbidden('not_the_sponsor', `This call is for the sponsor, who answers for it${others}.`)
}

/** @throws CredenceError `permission_denied` when an agent calls about another agent */
export function refuseOtherAgents(caller: Caller, agent: string): void {
  if (caller.kind === 'agent' && caller.agent !== agent)
    throw forbidden('not_yourself', 'An agent may do this for itself only.')
}

export function knownAgent(principals: Principals, id: string): Agent {
  const found = principals.agent(id)
  if (!found) throw notFound('agent', id)
  return found
}

export function knownBlueprint(principals: Principals, name: string): Blueprint {
  const found = principals.blueprint(name)
  if (!found) throw notFound('blueprint', name)
  return found
}

/** @throws CredenceError `failed_precondition` when the agent, or one above it, has ended */
export function livingAgent(principals: Principals, id: string, now: Date): Agent {
  const agent = knownAgent(principals, id)
  const end = principals.agentEnd(id, now)
  if (end) throw precondition(end, 'The agent has ended.')
  return agent
}

/** @throws CredenceError `failed_precondition` unless the agent may act now */
export function activeAgent(principals: Principals, id: string, now: Date): Agent {
  const agent = livingAgent(principals, id, now)
  if (agent.state === 'registered')
    throw precondition('agent_not_active', 'Only an active agent may do this: attest first.')
  if (isHeld(agent)) throw heldBecause(agent)
  return agent
}
