/** May this agent have a token for this resource now, and what may it say (RFC 8693, RFC 9396)? */
import { type AuthorizationDetail, AuthorizationDetails, intersect, isNarrower } from '@credence/contracts/authority'
import { type AgentEnd, type AgentState, attestedUntil } from '@credence/contracts/principals/agent'
import type { Delegation, DelegationEnd } from '@credence/contracts/principals/delegation'
import { type Binding, isLiving, isSameBinding } from './binding.ts'

export type Grant = {
  grant: string
  task: string
  agent: string
  delegation: string
  authorization_details: AuthorizationDetail[]
  expires_at: string
  live: boolean
}

/** Who asks, by which key, on which delegation, for which resource. */
export type Asking = {
  agent: AgentState
  agentEnd: AgentEnd | undefined
  /** What agents of its blueprint may ever hold. */
  ceiling: AuthorizationDetail[]
  delegation: Delegation | undefined
  delegationEnd: DelegationEnd | undefined
  /** What the subject token itself says, when it is an access token: never more than that. */
  subjectDetails?: AuthorizationDetail[] | undefined
  /** When the subject token ends. */
  subjectExpiresAt?: Date | undefined
  /** What the subject token is bound to: it has to be proved (actor profile, "Continuation"). */
  subjectBinding?: Binding | undefined
  resource: string
  /** Narrower than what is held, when asked for. */
  authorizationDetails: AuthorizationDetail[] | undefined
  /** What the client proved, and the token will be bound to. */
  binding: Binding
  now: Date
}

export type Question = Asking & { grant: Grant | undefined }

/** An error code of OAuth (RFC 6749 §5.2, RFC 8707, RFC 9396, RFC 9449 or the actor profile), and our reason. */
export type Refusal = { allowed: false; error: string; reason: string; description: string }
export type Answer = { allowed: true; authorizationDetails: AuthorizationDetail[]; expiresAt: Date } | Refusal

/** No access token lives longer, in seconds. */
export const MAX_TOKEN_SECONDS = 600

export function decideExchange(question: Question): Answer {
  const { agent, delegation, grant, now } = question
  const obstacle = obstacleTo(question)
  if (obstacle) return obstacle
  if (!grant || grant.agent !== agent?.agent || grant.delegation !== delegation?.delegation)
    return no('invalid_request', 'grant_unknown', 'grant_id does not name a grant of this agent under this delegation.')
  if (!grant.live || !(new Date(grant.expires_at) > now))
    return no('invalid_request', 'grant_ended', 'The grant has ended: open a task.')
  const here = intersect(at(grant.authorization_details, question.resource), heldHere(question))
  if (here.length === 0) return no('invalid_target', 'outside_grant', 'The grant holds nothing for this resource.')
  const asked = question.authorizationDetails
  if (asked && !isNarrower(asked, here))
    return no(
      'invalid_authorization_details',
      'outside_grant',
      'The authorization details asked for are not inside the grant.',
    )
  if (!AuthorizationDetails.safeParse(here).success)
    return no(
      'invalid_authorization_details',
      'too_many_parts',
      'What the grant holds here falls into too many parts: ask for less at once.',
    )
  return { allowed: true, authorizationDetails: asked ?? here, expiresAt: endOf(question, grant) }
}

/** What speaks against any token at all, before a grant is looked at. */
export function obstacleTo(asking: Asking): Refusal | undefined {
  const { agent, delegation, now } = asking
  const obstacle = obstacleToAgent(asking)
  if (obstacle || !agent) return obstacle
  if (asking.subjectBinding && !isSameBinding(asking.subjectBinding, asking.binding))
    return no(
      'invalid_dpop_proof',
      'subject_bound',
      'The subject token is bound to a key: the DPoP proof must be made with that key.',
    )
  if (!delegation || asking.delegationEnd)
    return no(
      'invalid_request',
      asking.delegationEnd ?? 'delegation_unknown',
      'The subject token names a delegation that no longer counts.',
    )
  if (delegation.agent !== agent.agent)
    return no('actor_unauthorized', 'delegation_of_another_agent', 'The subject token was made for another agent.')
  if (asking.subjectExpiresAt && asking.subjectExpiresAt <= now)
    return no('invalid_request', 'subject_token_expired', 'The subject token has expired.')
  if (heldHere(asking).length === 0)
    return no('invalid_target', 'outside_delegation', 'The subject token holds nothing for this resource.')
  const elsewhere = asking.authorizationDetails?.find(({ locations }) => !isAt(locations, asking.resource))
  if (elsewhere)
    return no(
      'invalid_authorization_details',
      'other_location',
      'authorization_details: locations must name the resource of this token, and no other.',
    )
  return undefined
}

/** The part of it that is about the agent and its key. */
export function obstacleToAgent(asking: Pick<Asking, 'agent' | 'agentEnd' | 'binding' | 'now'>): Refusal | undefined {
  const { agent, now } = asking
  if (!agent || asking.agentEnd) return no('invalid_client', asking.agentEnd ?? 'agent_unknown', 'The agent has ended.')
  if (!isLiving(asking.binding, agent, now))
    return no('invalid_dpop_proof', 'other_key', 'The DPoP proof must be made with a key that the agent has now.')
  if (agent.state !== 'active' || !agent.result)
    return no('actor_unauthorized', 'agent_not_active', 'The agent is not active: attest first.')
  if (!(new Date(agent.result.expiresAt) > now))
    return no('actor_unauthorized', 'attestation_expired', 'The attestation result has expired: attest again.')
  if (!(attestedUntil(agent) > now.getTime()))
    return no(
      'actor_unauthorized',
      'attestation_of_former_key',
      'The key that attested is none of the agent’s keys any more: attest again with its newest key.',
    )
  return undefined
}

/** The most that a token for this resource could say: delegation ∩ ceiling ∩ subject token. Empty: nothing. */
export function heldHere({ delegation, ceiling, subjectDetails, resource }: Asking): AuthorizationDetail[] {
  const held = intersect(at(delegation?.authorization_details ?? [], resource), ceiling)
  return subjectDetails ? intersect(held, subjectDetails) : held
}

const isAt = (locations: string[], resource: string) => locations.every((location) => location === resource)

/** RFC 8707 §2, RFC 9396 §3.2: a token speaks of its one resource only. */
const at = (details: AuthorizationDetail[], resource: string): AuthorizationDetail[] =>
  details
    .filter(({ locations }) => locations.includes(resource))
    .map((detail) => ({ ...detail, locations: [resource] }))

/** The first end of all that it rests on. */
function endOf({ agent, delegation, subjectExpiresAt, now }: Question, grant: Grant): Date {
  const ends = [grant.expires_at, delegation?.expires_at, agent?.expires_at, subjectExpiresAt]
  const times = ends.flatMap((end) => (end === undefined ? [] : [new Date(end).getTime()]))
  const attested = agent ? attestedUntil(agent) : 0
  return new Date(Math.min(now.getTime() + MAX_TOKEN_SECONDS * 1000, attested, ...times))
}

const no = (error: string, reason: string, description: string): Refusal => ({
  allowed: false,
  error,
  reason,
  description,
})
