/** A delegation as callers see it, and as it is handed to the agent that may use it. */
import { notFound } from '@credence/contracts/errors'
import type { Delegation as Shown } from '@credence/contracts/gen/credence/identity/v1/identity'
import { isHeld } from '@credence/contracts/principals/agent'
import type { Delegation } from '@credence/contracts/principals/delegation'
import type { Principals } from '../../projections/principals.ts'
import type { Context } from '../context.ts'

export function knownDelegation(principals: Principals, id: string): Delegation {
  const found = principals.delegation(id)
  if (!found) throw notFound('delegation', id)
  return found
}

/** Why it does not count now: because of itself, of something above it, or of the agent that holds it. Empty while it does. */
export function endOf({ delegation, agent }: Delegation, principals: Principals, now: Date): string {
  const holder = principals.agent(agent)
  const held = holder && isHeld(holder) ? `agent_${holder.state}` : ''
  return principals.delegationEnd(delegation, now) ?? principals.agentEnd(agent, now) ?? held
}

export const showDelegation = (delegation: Delegation, principals: Principals, now: Date): Shown => ({
  id: delegation.delegation,
  human: delegation.human,
  agentId: delegation.agent,
  authorizationDetails: delegation.authorization_details,
  purpose: delegation.purpose,
  notBefore: new Date(delegation.not_before),
  expiresAt: new Date(delegation.expires_at),
  maximumDepth: delegation.maximum_depth,
  parent: delegation.parent ?? '',
  mandate: delegation.mandate ?? '',
  end: endOf(delegation, principals, now),
})

/** With the subject token of the exchange, and what was asked for and not given. */
export async function handOut({ principals, delegationTokens, clock }: Context, id: string) {
  const delegation = knownDelegation(principals, id)
  return {
    delegation: showDelegation(delegation, principals, clock()),
    delegationToken: await delegationTokens.issue(delegation),
    dropped: delegation.dropped ?? [],
  }
}
