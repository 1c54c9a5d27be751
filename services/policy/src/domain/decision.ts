/**
 * One decision. Allow needs every part: live agent, live grant that covers the act, live delegation up to its root, fresh
 * and accepted attestation result, a policy that permits and none that forbids. All parts that fail are named, in this
 * order. (That the record is durable is the last part, and the caller's.)
 */
import { judge } from '@credence/contracts/authority'
import type { EventData } from '@credence/contracts/events/catalog'
import type { Sensitivity } from '@credence/contracts/events/values'
import { type Agent, type AgentEnd, isHeld } from '@credence/contracts/principals/agent'
import type { Delegation, DelegationEnd } from '@credence/contracts/principals/delegation'
import type { Located } from './location.ts'
import type { Task } from './task.ts'

export type Result = EventData<'credence.attestation.result.recorded.v1'>

export type Question = {
  agentId: string
  grantId: string
  tokenId: string
  action: string
  resource: { type: string; id: string; sensitivity: Sensitivity }
  /** The resource server. */
  audience: string
}

/** What the decision point knows of the things that the question names. */
export type Known = {
  agent: Agent | undefined
  agentEnd: AgentEnd | undefined
  /** The token was given back or taken away (RFC 7009). */
  tokenRevoked: boolean
  task: Task | undefined
  chain: Delegation[] | undefined
  /** Why the chain does not count. */
  delegationEnd: DelegationEnd | undefined
  /** The agent's newest attestation result. */
  result: Result | undefined
  location: Located
  /** Streams that could not be followed up to now. */
  stale: string[]
}

/** What Cedar said. `errors` are ids of policies whose evaluation failed. */
export type Verdict = { permit: boolean; policyIds: string[]; errors: string[] }

/** Asks the active policies. */
export type Evaluator = (question: Question, agent: Agent, context: EvaluationContext) => Verdict
export type EvaluationContext = { location: Located; depth: number; attestationStatus: string }

export type Decided = { outcome: 'allow' | 'deny'; reasons: string[]; verdict: Verdict | undefined }

/** @param evaluate undefined while no policy set is active */
export function decide(question: Question, known: Known, evaluate: Evaluator | undefined, now: Date): Decided {
  const { agent, location, chain, result } = known
  const context = { location, depth: (chain?.length ?? 1) - 1, attestationStatus: result?.status ?? 'none' }
  const verdict = evaluate && agent ? evaluate(question, agent, context) : undefined
  const reasons = [
    ...agentReasons(known),
    ...(known.tokenRevoked ? ['token_revoked'] : []),
    ...grantReasons(question, known, now),
    ...delegationReasons(known),
    ...attestationReasons(known, now),
    ...policyReasons(evaluate !== undefined, verdict),
    ...known.stale.map((stream) => `stale_${stream.toLowerCase()}`),
  ]
  return { outcome: reasons.length === 0 ? 'allow' : 'deny', reasons, verdict }
}

function agentReasons({ agent, agentEnd }: Known): string[] {
  if (agentEnd) return [agentEnd]
  if (!agent) return ['agent_unknown']
  if (isHeld(agent)) return [`agent_${agent.state}`]
  return agent.state === 'active' ? [] : ['agent_not_active']
}

/** A question says nothing of amounts, arguments and counts: a grant that is limited in them cannot be verified, and is not used. */
function grantReasons(question: Question, { task }: Known, now: Date): string[] {
  const grant = task?.grant
  if (!grant || grant.grant !== question.grantId) return ['grant_unknown']
  const { action, resource, audience } = question
  const verdict = judge(grant.authorization_details, {
    location: audience,
    action,
    resource: `${resource.type}::${resource.id}`,
    now,
  })
  return [
    ...(grant.agent === question.agentId ? [] : ['grant_of_another_agent']),
    ...(grant.ended ? ['grant_ended'] : []),
    ...(new Date(grant.expires_at) <= now ? ['grant_expired'] : []),
    ...(verdict === 'permitted' ? [] : [verdict === 'outside' ? 'outside_grant' : verdict]),
  ]
}

const delegationReasons = ({ task, delegationEnd }: Known): string[] => (task && delegationEnd ? [delegationEnd] : [])

function attestationReasons({ result }: Known, now: Date): string[] {
  if (!result) return ['attestation_missing']
  return [
    ...(result.accepted ? [] : ['attestation_not_accepted']),
    ...(new Date(result.expires_at) <= now ? ['attestation_expired'] : []),
  ]
}

/** Cedar skips a policy that errors, a forbid as well; here an error denies (Cedar's own verdict stays in the record). */
function policyReasons(active: boolean, verdict: Verdict | undefined): string[] {
  if (!active) return ['policy_none']
  if (!verdict) return []
  const denial = verdict.policyIds.length > 0 ? 'policy_forbids' : 'policy_no_permit'
  return [...(verdict.permit ? [] : [denial]), ...(verdict.errors.length > 0 ? ['policy_error'] : [])]
}

const SENTENCES: Record<string, string> = {
  agent_unknown: 'No such agent is registered.',
  agent_not_active: 'The agent is not active: it has to attest first.',
  agent_suspended: 'The agent is suspended. Its sponsor or a security operator can restore it.',
  agent_quarantined: 'The agent is in quarantine.',
  agent_revoked: 'The agent was revoked.',
  agent_retired: 'The agent was retired.',
  blueprint_withdrawn: 'The blueprint of the agent was withdrawn.',
  agent_expired: 'The life of the agent is over.',
  parent_ended: 'An agent above this one has ended, and this one with it.',
  token_revoked: 'The access token was revoked.',
  grant_unknown: 'There is no such grant. Open a task.',
  grant_of_another_agent: 'The grant belongs to another agent.',
  grant_ended: 'The grant has ended with its task.',
  grant_expired: 'The grant has expired.',
  outside_grant: 'The grant does not cover this action on this resource here.',
  outside_window: 'The grant covers this action at other times only.',
  limit_exceeded: 'The grant covers this action within limits that it exceeds.',
  limit_unverifiable:
    'The grant limits the amount, the count or the arguments of this action, which cannot be verified here.',
  delegation_unknown: 'The delegation behind the grant is not known.',
  delegation_revoked: 'A delegation between the human and this agent was revoked.',
  delegation_expired: 'A delegation between the human and this agent has expired.',
  delegation_not_yet: 'A delegation between the human and this agent has not begun.',
  delegator_ended: 'An agent that passed the delegation on has ended.',
  delegator_held: 'An agent that passed the delegation on is suspended or in quarantine.',
  human_unknown: 'The human at the root of the delegation is not known.',
  human_deactivated: 'The human who gave the delegation has left.',
  mandate_ended: 'The mandate of the blueprint is over.',
  attestation_missing: 'The agent has no attestation result.',
  attestation_not_accepted: 'The newest attestation result of the agent was not accepted.',
  attestation_expired: 'The attestation result of the agent has expired: attest again.',
  policy_none: 'No policies are active.',
  policy_error: 'A policy could not be evaluated.',
  policy_forbids: 'A policy forbids this.',
  policy_no_permit: 'No policy permits this.',
}

/** One sentence for the agent's developer, with the policies that it is about. */
export function sentenceOf(reason: string, verdict: Verdict | undefined): string {
  const about = { policy_forbids: verdict?.policyIds, policy_error: verdict?.errors }[reason] ?? []
  const sentence =
    SENTENCES[reason] ?? 'The decision point is not up to date, and does not decide on what may be old: try again.'
  return about.length > 0 ? `${sentence} (${about.join(', ')})` : sentence
}
