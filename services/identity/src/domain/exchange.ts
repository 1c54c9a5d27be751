/** May this agent have a token for this resource now, and what may it say (RFC 8693, RFC 9396)? */
import { type AuthorizationDetail, isNarrower } from '@credence/contracts/authority'
import { type AgentEnd, type AgentState, livingKeys } from '@credence/contracts/principals/agent'
import type { Delegation, DelegationEnd } from '@credence/contracts/principals/delegation'

export type Grant = {
  grant: string
  agent: string
  delegation: string
  authorization_details: AuthorizationDetail[]
  expires_at: string
  live: boolean
}

export type Question = {
  agent: AgentState
  agentEnd: AgentEnd | undefined
  delegation: Delegation | undefined
  delegationEnd: DelegationEnd | undefined
  grant: Grant | undefined
  resource: string
  /** Narrower than the grant, when asked for. */
  authorizationDetails: AuthorizationDetail[] | undefined
  /** Thumbprint of the key in the DPoP proof. */
  proofThumbprint: string | undefined
  now: Date
}

export type Answer =
  /** `keyThumbprint`: the key that the token is bound to (`cnf.jkt`), which made the proof. */
  | { allowed: true; authorizationDetails: AuthorizationDetail[]; expiresAt: Date; keyThumbprint: string }
  /** An error code of OAuth (RFC 6749 §5.2, RFC 8707, RFC 9396, RFC 9449 or the actor profile), and our reason. */
  | { allowed: false; error: string; reason: string; description: string }

/** No access token lives longer, in seconds. */
export const MAX_TOKEN_SECONDS = 600

export function decideExchange(question: Question): Answer {
  const { agent, delegation, grant, resource, now } = question
  if (!agent || question.agentEnd)
    return no('invalid_client', question.agentEnd ?? 'agent_unknown', 'The agent has ended.')
  const key = livingKeys(agent, now).find(({ thumbprint }) => thumbprint === question.proofThumbprint)
  if (!key)
    return no('invalid_dpop_proof', 'other_key', 'The DPoP proof must be made with a key that the agent has now.')
  if (agent.state !== 'active' || !agent.result)
    return no('actor_unauthorized', 'agent_not_active', 'The agent is not active: attest first.')
  if (!(new Date(agent.result.expiresAt) > now))
    return no('actor_unauthorized', 'attestation_expired', 'The attestation result has expired: attest again.')
  if (!delegation || question.delegationEnd)
    return no(
      'invalid_request',
      question.delegationEnd ?? 'delegation_unknown',
      'The subject token names a delegation that no longer counts.',
    )
  if (delegation.agent !== agent.agent)
    return no('actor_unauthorized', 'delegation_of_another_agent', 'The subject token was made for another agent.')
  if (!grant || grant.agent !== agent.agent || grant.delegation !== delegation.delegation)
    return no('invalid_request', 'grant_unknown', 'grant_id does not name a grant of this agent under this delegation.')
  if (!grant.live || !(new Date(grant.expires_at) > now))
    return no('invalid_request', 'grant_ended', 'The grant has ended: open a task.')
  if (!isNarrower(grant.authorization_details, delegation.authorization_details))
    return no('invalid_request', 'outside_delegation', 'The grant holds more than its delegation: open a task.')
  const here = grant.authorization_details
    .filter((detail) => detail.locations.includes(resource))
    .map((detail) => ({ ...detail, locations: [resource] }))
  if (here.length === 0) return no('invalid_target', 'outside_grant', 'The grant holds nothing for this resource.')
  const asked = question.authorizationDetails
  if (asked && !isNarrower(asked, here))
    return no(
      'invalid_authorization_details',
      'outside_grant',
      'The authorization details asked for are not inside the grant.',
    )
  const ends = [grant.expires_at, delegation.expires_at, agent.expires_at, agent.result.expiresAt].map((end) =>
    new Date(end).getTime(),
  )
  const expiresAt = new Date(Math.min(now.getTime() + MAX_TOKEN_SECONDS * 1000, ...ends))
  return { allowed: true, authorizationDetails: asked ?? here, expiresAt, keyThumbprint: key.thumbprint }
}

const no = (error: string, reason: string, description: string): Answer => ({
  allowed: false,
  error,
  reason,
  description,
})
