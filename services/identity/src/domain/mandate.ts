/** What autonomous agents of a blueprint may do: of the same shape, limits and expiry as a delegation, signed off by the sponsor. */
import type { AuthorizationDetail } from '@credence/contracts/authority'
import { CredenceError, forbidden, notFound, precondition } from '@credence/contracts/errors'
import type { IdentityFact } from '@credence/contracts/events/catalog'
import type { Agent, AgentEnd } from '@credence/contracts/principals/agent'
import type { BlueprintState } from '@credence/contracts/principals/blueprint'
import type { DelegationState } from '@credence/contracts/principals/delegation'
import type { HumanState } from '@credence/contracts/principals/human'
import type { MandateState } from '@credence/contracts/principals/mandate'
import { refuseInactive } from './agent-life.ts'
import { present, refuseBeyondBounds, refuseOutside } from './delegation.ts'

export type MandateWanted = {
  mandate: string
  blueprint: string
  authorizationDetails: AuthorizationDetail[]
  purpose: string
  lifetimeSeconds: number
  maximumDepth: number
}

export function grantMandate(
  state: MandateState,
  wanted: MandateWanted,
  context: { sponsor: HumanState; blueprint: BlueprintState; now: Date },
): IdentityFact[] {
  const { blueprint, now } = context
  const { human } = present(context.sponsor)
  if (state) throw new CredenceError('already_exists', 'mandate_exists', 'There is a mandate with this id already.')
  if (!blueprint) throw notFound('blueprint', wanted.blueprint)
  if (blueprint.sponsor !== human)
    throw forbidden('not_the_sponsor', 'Only the sponsor of a blueprint signs off what its agents do by themselves.')
  if (blueprint.withdrawn) throw precondition('blueprint_withdrawn', 'The blueprint was withdrawn.')
  refuseBeyondBounds(wanted)
  refuseOutside(wanted.authorizationDetails, blueprint)
  const data = {
    mandate: wanted.mandate,
    blueprint: wanted.blueprint,
    human,
    authorization_details: wanted.authorizationDetails,
    purpose: wanted.purpose,
    not_before: now.toISOString(),
    expires_at: new Date(now.getTime() + wanted.lifetimeSeconds * 1000).toISOString(),
    maximum_depth: wanted.maximumDepth,
  }
  return [{ type: 'credence.identity.mandate.granted.v1', data }]
}

/** An autonomous agent takes its mandate up; what it holds is all of it, for as long as both live. */
export function drawMandate(
  state: DelegationState,
  delegation: string,
  context: { mandate: MandateState; id: string; agent: Agent; agentEnd: AgentEnd | undefined; now: Date },
): IdentityFact[] {
  const { mandate, agent, agentEnd, now } = context
  if (state)
    throw new CredenceError('already_exists', 'delegation_exists', 'There is a delegation with this id already.')
  if (!mandate) throw notFound('mandate', context.id)
  if (mandate.blueprint !== agent.blueprint)
    throw forbidden('mandate_of_another_blueprint', 'The mandate belongs to another blueprint.')
  if (agent.autonomy !== 'autonomous')
    throw precondition('agent_delegated', 'This agent works under delegations of people; mandates are not for it.')
  refuseInactive(agent, agentEnd)
  if (mandate.revoked || !(new Date(mandate.expires_at) > now))
    throw precondition('mandate_ended', 'The mandate is over.')
  const data = {
    delegation,
    human: mandate.human,
    agent: agent.agent,
    authorization_details: mandate.authorization_details,
    purpose: mandate.purpose,
    not_before: now.toISOString(),
    expires_at: mandate.expires_at,
    maximum_depth: mandate.maximum_depth,
    mandate: mandate.mandate,
  }
  return [{ type: 'credence.identity.delegation.granted.v1', data }]
}

export function revokeMandate(state: MandateState, id: string, reason: string): IdentityFact[] {
  if (!state) throw notFound('mandate', id)
  return state.revoked ? [] : [{ type: 'credence.identity.mandate.revoked.v1', data: { mandate: id, reason } }]
}
