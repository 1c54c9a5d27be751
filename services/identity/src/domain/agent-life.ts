/**
 * What happens to an agent that lives: held (suspended, quarantined) and restored, renewed, handed to another owner; and its
 * three ends. Every step says why; who did it stands in the commit.
 */
import { type CredenceError, invalid, notFound, precondition } from '@credence/contracts/errors'
import type { EventData, IdentityFact } from '@credence/contracts/events/catalog'
import {
  type Agent,
  type AgentEnd,
  type AgentState,
  hasEnded,
  isHeld,
  isLiftedByAttesting,
  isSuspendedByAttestation,
  livingKeys,
} from '@credence/contracts/principals/agent'
import type { BlueprintState } from '@credence/contracts/principals/blueprint'

type SuspensionCause = EventData<'credence.identity.agent.suspended.v1'>['cause']
type QuarantineCause = EventData<'credence.identity.agent.quarantined.v1'>['cause']

/** @throws CredenceError `not_found`; `failed_precondition` for one that has ended */
export function living(state: AgentState, id: string, now: Date): Agent {
  if (!state) throw notFound('agent', id)
  if (hasEnded(state)) throw precondition(`agent_${state.state}`, 'The agent has ended; that is for good.')
  if (!(new Date(state.expires_at) > now)) throw precondition('agent_expired', 'The life of the agent is over.')
  return state
}

/**
 * Whether an agent may do something in its own name now.
 * @throws CredenceError `failed_precondition` for one that has ended, is held, or has not attested
 */
export function refuseInactive(agent: Agent, end: AgentEnd | undefined): void {
  if (end) throw precondition(end, 'The agent has ended, by itself or with one above it.')
  if (isHeld(agent)) throw heldBecause(agent)
  if (agent.state !== 'active')
    throw precondition('agent_not_active', 'Only an active agent can do this: attest first.')
}

/** Why one that is held can do nothing, and what lifts it. */
export const heldBecause = (agent: Agent): CredenceError =>
  isSuspendedByAttestation(agent)
    ? precondition(agent.heldFor, 'The agent is suspended until it attests again.')
    : precondition(`agent_${agent.state}`, 'The agent is held: it has to be restored first.')

/** Suspending what is held already changes nothing, but that another's word outlives the next attestation result. */
export function suspendAgent(
  state: AgentState,
  id: string,
  why: { cause: SuspensionCause; reason: string },
  now: Date,
): IdentityFact[] {
  const agent = living(state, id, now)
  if (isHeld(agent) && (!isSuspendedByAttestation(agent) || isLiftedByAttesting(why.cause))) return []
  return [{ type: 'credence.identity.agent.suspended.v1', data: { agent: id, ...why } }]
}

/** A quarantine takes the place of a suspension. */
export function quarantineAgent(
  state: AgentState,
  id: string,
  why: { cause: QuarantineCause; reason: string },
  now: Date,
): IdentityFact[] {
  if (living(state, id, now).state === 'quarantined') return []
  return [{ type: 'credence.identity.agent.quarantined.v1', data: { agent: id, ...why } }]
}

/**
 * Back to what it was before it was held; never from an end. One that lost its attestation result has to attest first.
 * @param mayLiftQuarantine whether the caller is security
 */
export function restoreAgent(
  state: AgentState,
  command: { id: string; reason: string; mayLiftQuarantine: boolean; sponsorIsActive: boolean },
  now: Date,
): IdentityFact[] {
  const { id, reason } = command
  const agent = living(state, id, now)
  if (!isHeld(agent)) return []
  if (isSuspendedByAttestation(agent))
    throw precondition('attest_first', 'It is suspended until it attests again: nobody can vouch for it instead.')
  if (agent.state === 'quarantined' && !command.mayLiftQuarantine)
    throw precondition('agent_quarantined', 'Only a security operator can lift a quarantine.')
  if (!command.sponsorIsActive)
    throw precondition('no_sponsor', 'Its sponsor has left. Propose another sponsor for its blueprint first.')
  if (livingKeys(agent, now).length === 0)
    throw precondition('no_key', 'All its keys were withdrawn: nobody can prove to be it. Register another agent.')
  return [{ type: 'credence.identity.agent.restored.v1', data: { agent: id, reason } }]
}

/** Only a continuous agent lives on, and never longer than its blueprint lets any of them live from now. */
export function renewAgent(
  state: AgentState,
  command: { id: string; lifetimeSeconds: number },
  blueprint: BlueprintState,
  now: Date,
): IdentityFact[] {
  const agent = living(state, command.id, now)
  if (agent.kind !== 'continuous')
    throw precondition('agent_ephemeral', 'An ephemeral agent ends as registered. Register another.')
  refuseInactive(agent, undefined)
  if (!blueprint) throw notFound('blueprint', agent.blueprint)
  if (blueprint.withdrawn) throw precondition('blueprint_withdrawn', 'The blueprint was withdrawn.')
  const most = blueprint.maximum_lifetime_seconds
  if (command.lifetimeSeconds > most)
    throw invalid('lifetime_seconds', `must be at most ${most}, the blueprint's maximum`)
  const expiresAt = new Date(now.getTime() + command.lifetimeSeconds * 1000)
  if (expiresAt <= new Date(agent.expires_at)) return []
  const data = { agent: command.id, expires_at: expiresAt.toISOString() }
  return [{ type: 'credence.identity.agent.renewed.v1', data }]
}

export function changeAgentOwner(
  state: AgentState,
  command: { id: string; owner: string; reason: string },
  now: Date,
): IdentityFact[] {
  const { id, owner, reason } = command
  const { owner: previous } = living(state, id, now)
  if (owner === previous) return []
  return [{ type: 'credence.identity.agent.owner_changed.v1', data: { agent: id, owner, previous, reason } }]
}

/** Ends an agent for good. Ending what has ended changes nothing. */
export function revokeAgent(state: AgentState, id: string, reason: string): IdentityFact[] {
  if (!state) throw notFound('agent', id)
  return hasEnded(state) ? [] : [{ type: 'credence.identity.agent.revoked.v1', data: { agent: id, reason } }]
}

/** The good end: its work is done. */
export function retireAgent(state: AgentState, id: string, reason: string): IdentityFact[] {
  if (!state) throw notFound('agent', id)
  return hasEnded(state) ? [] : [{ type: 'credence.identity.agent.retired.v1', data: { agent: id, reason } }]
}

/** Says what time has done. (Nobody waits for it: expiry counts from its instant.) */
export function expireAgent(state: AgentState, now: Date): IdentityFact[] {
  if (!state || hasEnded(state) || new Date(state.expires_at) > now) return []
  return [{ type: 'credence.identity.agent.expired.v1', data: { agent: state.agent } }]
}
