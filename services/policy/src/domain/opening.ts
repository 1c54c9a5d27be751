/** Whether an agent may begin a task, and with which grant. The attempt is recorded either way. */
import { type AuthorizationDetail, type DroppedAuthority, narrow } from '@credence/contracts/authority'
import { CredenceError, forbidden, notFound, precondition } from '@credence/contracts/errors'
import type { EventData, PolicyFact } from '@credence/contracts/events/catalog'
import type { Trigger } from '@credence/contracts/events/values'
import { type Agent, type AgentEnd, isHeld } from '@credence/contracts/principals/agent'
import type { BlueprintState } from '@credence/contracts/principals/blueprint'
import type { Delegation, DelegationEnd } from '@credence/contracts/principals/delegation'
import type { LoadedPolicies } from '@credence/policies/policies'
import { attestationObstacle, type FindWithdrawal, type Result } from './attestation.ts'
import { openTask, refuseTask, type TaskState } from './task.ts'

export type Asked = {
  task: string
  grant: string
  delegation: string
  trigger: Trigger
  purpose: string
  authorizationDetails: AuthorizationDetail[]
  lifetimeSeconds: number
}

/** What is known of the agent and of the delegation that it names. */
export type Standing = {
  agent: Agent
  agentEnd: AgentEnd | undefined
  blueprint: BlueprintState
  /** From the named delegation up to its root; undefined when a link is missing. */
  chain: Delegation[] | undefined
  /** Why the chain does not count. */
  delegationEnd: DelegationEnd | undefined
  /** The agent's newest attestation result. */
  result: Result | undefined
  /** Whether something that a result rests on was withdrawn or blocked. */
  withdrawal: FindWithdrawal
  /** Whether some policy could ever permit a part; undefined while no policies are active. */
  mayPermit?: LoadedPolicies['mayPermit'] | undefined
}

export type Cut = { given: AuthorizationDetail[]; dropped: DroppedAuthority[] }

/**
 * What an agent gets for a task: asked ∩ delegation ∩ ceiling. What was dropped is told, with the reason.
 * @throws CredenceError `too_many_parts`
 */
export function cutGrant(
  asked: AuthorizationDetail[],
  delegation: AuthorizationDetail[],
  ceiling: AuthorizationDetail[],
): Cut {
  return narrow(asked, [
    { details: delegation, reason: 'outside_delegation' },
    { details: ceiling, reason: 'outside_ceiling' },
  ])
}

/** Opens the task with its grant, or refuses it. The grant ends with the agent or the delegation, if not before. */
export function beginTask(state: TaskState, asked: Asked, standing: Standing, now: Date): PolicyFact[] {
  const { agent, chain = [], blueprint } = standing
  const { task, grant, delegation, trigger, purpose } = asked
  const about = { task, agent: agent.agent, delegation, trigger, purpose }
  const obstacle = obstacleTo(standing, now)
  const [held] = chain
  if (obstacle || !held) return refuseTask(about, obstacle ?? 'delegation_unknown', [])
  const narrowed = cutOrReason(asked.authorizationDetails, held.authorization_details, blueprint?.ceiling ?? [])
  if (typeof narrowed === 'string') return refuseTask(about, narrowed, [])
  const cut = cutByPolicy(narrowed, standing)
  if (cut.given.length === 0) return refuseTask(about, 'nothing_left', cut.dropped)
  const ends = [...chain, agent].map(({ expires_at }) => new Date(expires_at).getTime())
  const expiresAt = new Date(Math.min(now.getTime() + asked.lifetimeSeconds * 1000, ...ends))
  return openTask(state, { ...about, human: held.human, grant, cut, expiresAt })
}

/** Without the parts that no policy could ever permit. Each act is decided again when it is done. */
function cutByPolicy({ given, dropped }: Cut, { agent, mayPermit }: Standing): Cut {
  if (!mayPermit) return { given, dropped }
  const who = { agent: agent.agent, blueprint: agent.blueprint }
  const unreached: DroppedAuthority[] = []
  const reached = given.flatMap((detail) => {
    const some = (action: string) => detail.resources.some((resource) => mayPermit({ ...who, action, resource }))
    const actions = detail.actions.filter(some)
    const resources = detail.resources.filter((resource) =>
      actions.some((action) => mayPermit({ ...who, action, resource })),
    )
    const left = actions.length === detail.actions.length && resources.length === detail.resources.length
    if (!left) unreached.push({ detail, reason: 'outside_policy' })
    return actions.length > 0 && resources.length > 0 ? [{ ...detail, actions, resources }] : []
  })
  return { given: reached, dropped: [...dropped, ...unreached] }
}

/** What cannot be cut is refused, and the attempt recorded, as any other. */
function cutOrReason(...parts: Parameters<typeof cutGrant>): Cut | string {
  try {
    return cutGrant(...parts)
  } catch (error) {
    if (error instanceof CredenceError) return error.reason
    throw error
  }
}

function obstacleTo(
  { agent, agentEnd, chain, delegationEnd, result, withdrawal }: Standing,
  now: Date,
): string | undefined {
  if (agentEnd) return agentEnd
  if (isHeld(agent)) return `agent_${agent.state}`
  if (agent.state !== 'active') return 'agent_not_active'
  if (chain?.[0] && chain[0].agent !== agent.agent) return 'delegation_of_another_agent'
  if (delegationEnd) return delegationEnd
  return attestationObstacle(result, agent, withdrawal, now)
}

const SENTENCES: Record<string, string> = {
  agent_not_active: 'The agent is not active: attest first.',
  agent_suspended: 'The agent is suspended.',
  agent_quarantined: 'The agent is in quarantine.',
  agent_revoked: 'The agent was revoked.',
  agent_retired: 'The agent was retired.',
  blueprint_withdrawn: 'The blueprint of the agent was withdrawn.',
  agent_expired: 'The life of the agent is over.',
  parent_ended: 'An agent above this one has ended, and this one with it.',
  delegation_revoked: 'The delegation, or one above it, was revoked.',
  delegation_expired: 'The delegation, or one above it, has expired.',
  delegation_not_yet: 'The delegation, or one above it, has not begun.',
  delegator_ended: 'An agent that passed the delegation on has ended.',
  delegator_held: 'An agent that passed the delegation on is suspended or in quarantine.',
  human_unknown: 'The human at the root of the delegation is not known.',
  human_deactivated: 'The human who gave the delegation has left.',
  mandate_ended: 'The mandate of the blueprint is over.',
  attestation_missing: 'The agent has no attestation result: attest first.',
  attestation_not_accepted: 'The newest attestation result was not accepted.',
  attestation_revoked: 'The attestation result was revoked: attest again.',
  attestation_withdrawn:
    'What the attestation result rests on was withdrawn or blocked: a reference value, a trust anchor or a measurement.',
  attestation_of_former_key:
    'The key that attested is none of the agent’s keys any more: attest again with its newest key.',
  attestation_expired: 'The attestation result has expired: attest again.',
  attestation_insufficient: 'The attestation result is not enough for any resource, or no longer: attest again.',
  nothing_left:
    'Nothing of what was asked is inside the delegation and the blueprint’s ceiling, and can be permitted by a policy.',
  too_many_parts: 'What was asked falls into too many parts: ask for less at once.',
}

/**
 * What the agent is told of a refusal, with every part that was dropped.
 * @param position where the refusal is recorded
 */
export function refusal(fact: EventData<'credence.policy.task.refused.v1'>, position: string): CredenceError {
  const { reason, delegation, dropped: parts } = fact
  const recorded = `The attempt is recorded at ${position}.`
  if (reason === 'delegation_unknown') return notFound('delegation', delegation)
  if (reason === 'delegation_of_another_agent')
    return forbidden(reason, `The delegation was given to another agent. ${recorded}`)
  const sentence = SENTENCES[reason] ?? 'The task cannot begin.'
  if (parts.length === 0) return precondition(reason, `${sentence} ${recorded}`)
  const violations = parts.slice(0, TOLD.parts).map(({ detail, reason: why }) => ({
    field: 'authorization_details',
    description: `${why}: ${detail.actions.join(' ')} on ${detail.resources.join(' ')}`.slice(0, TOLD.length),
  }))
  const list = violations.map(({ description }) => description).join('; ')
  const text = `${sentence} Dropped: ${list}${parts.length > TOLD.parts ? '; …' : ''}. ${recorded}`
  return new CredenceError('failed_precondition', reason, text, violations)
}

/** Errors travel in gRPC trailers, which hold 8 KiB; the record has all of it. */
const TOLD = { parts: 6, length: 200 }
