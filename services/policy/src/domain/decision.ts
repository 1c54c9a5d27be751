/**
 * One decision. Allow needs every part: live agent, live grant that covers the act, live delegation up to its root, fresh
 * and accepted attestation result, a policy that permits and none that forbids, people's approval where a policy asks for
 * it. All parts that fail are named, in this order. (That uses are counted, that an approval is used up and that the record
 * is durable are the last parts, and the caller's.)
 */
import type { Act } from '@credence/contracts/authority'
import type { Sensitivity } from '@credence/contracts/events/values'
import type { Used } from '@credence/contracts/limits'
import { type AgentEnd, type AgentState, isHeld } from '@credence/contracts/principals/agent'
import { type Delegation, type DelegationEnd, delegationChain } from '@credence/contracts/principals/delegation'
import { asksOf, demandOf, type Needed, policyReasons } from '@credence/policies/judge'
import type { LoadedPolicies, Meaning, Obligation, PolicyInput, Verdict } from '@credence/policies/policies'
import { type ApprovalStanding, type Demand, satisfies } from './approval.ts'
import { attestationReasons, countsUntil, type Result } from './attestation.ts'
import type { Located } from './location.ts'
import { type RiskNow, riskAt } from './risk.ts'
import { endsIn, type Lookup } from './situation.ts'
import type { Task } from './task.ts'
import { type Node, type Spending, spend } from './usage.ts'

export type Question = {
  agentId: string
  grantId: string
  tokenId: string
  action: string
  /** `properties`: JSON object text. */
  resource: { type: string; id: string; sensitivity: Sensitivity; properties?: string }
  /** The resource server. */
  audience: string
  amount?: { currency: string; value: string }
  /** JSON object text. */
  arguments?: string
  supportedObligations: readonly string[]
}

/** What is known besides the states of things. */
export type Surroundings = {
  /** The token was given back or taken away (RFC 7009). */
  tokenRevoked: boolean
  /** Streams that could not be followed up to now. */
  stale: readonly string[]
  location: Located
  enforcementPoint: { id: string; location: Located }
  used: (node: string, detail: number) => Used
  /** The newest approval of exactly this act. */
  approval: () => GivenApproval | undefined
}

export type GivenApproval = Demand & { approval: string; standing: ApprovalStanding; approvedBy: string[] }

/** Everything that does not depend on the policies. */
export type Standing = {
  question: Question
  agent: AgentState
  task: Task | undefined
  chain: Delegation[] | undefined
  result: Result | undefined
  risk: RiskNow
  spending: Spending
  /** What speaks against it before policies are asked. */
  reasons: string[]
  /** What policies are asked; undefined for an agent that nobody knows. */
  input: PolicyInput | undefined
  surroundings: Surroundings
  now: Date
}

export type Decided = {
  outcome: 'allow' | 'deny' | 'ask'
  reasons: string[]
  verdict: Verdict | undefined
  obligations: Obligation[]
  /** Milliseconds since the epoch until which the answer may be relied on; 0: not at all. */
  reliedUntil: number
  /** What people have to approve, with `ask`. */
  needed?: Needed
  /** The approval that was looked at. With `allow` it lifted what asked for it, and is to be used up. */
  approval?: GivenApproval
}

export function stand(question: Question, lookup: Lookup, surroundings: Surroundings, now: Date): Standing {
  const agent = lookup.agent(question.agentId)
  const ends = endsIn(lookup, now)
  const task = lookup.taskOfGrant(question.grantId)
  const chain = task && delegationChain(task.delegation, lookup.delegation)
  const result = lookup.result(question.agentId)
  const risk = riskAt(lookup.risk(question.agentId), now)
  const root = chain?.at(-1)
  const mandate = root?.mandate === undefined ? undefined : lookup.mandate(root.mandate)
  const act = actOf(question, now)
  const spending = spendOn(lineOf(task, chain, mandate), act, surroundings)
  const reasons = [
    ...agentReasons(agent, ends.agentEnd(question.agentId)),
    ...(surroundings.tokenRevoked ? ['token_revoked'] : []),
    ...grantReasons(question, task, spending, now),
    ...(task ? reasonOf(ends.delegationEnd(chain)) : []),
    ...attestationReasons(result, agent, question.resource.sensitivity, lookup.withdrawal, now),
  ]
  const human = root && lookup.human(root.human)
  const sponsor = agent && (lookup.blueprint(agent.blueprint)?.sponsor ?? agent.sponsor)
  const input = agent && {
    now,
    agent: sponsor && sponsor !== agent.sponsor ? { ...agent, sponsor } : agent,
    depth: Math.max(0, (chain?.length ?? 1) - 1),
    ...(human ? { human: { human: human.human, groups: human.groups } } : {}),
    ...(root?.sign_in ? { signIn: root.sign_in } : {}),
    ...(task ? { task: { purpose: task.purpose, trigger: task.trigger } } : {}),
    action: question.action,
    resource: question.resource,
    audience: question.audience,
    ...(question.arguments ? { arguments: question.arguments } : {}),
    ...(question.amount ? { amount: question.amount } : {}),
    location: surroundings.location,
    enforcementPoint: surroundings.enforcementPoint,
    ...(result ? { attestation: attestationOf(result, now) } : {}),
    risk,
  }
  return { question, agent, task, chain, result, risk, spending, reasons, input, surroundings, now }
}

/** @param policies undefined while none are active */
export function conclude(standing: Standing, policies: LoadedPolicies | undefined): Decided {
  const { input, surroundings, question } = standing
  const verdict = policies && input ? policies.evaluate(input) : undefined
  const asking = policies && verdict ? asksOf(verdict, policies) : []
  const demand = demandOf(asking)
  const approval = demand && surroundings.approval()
  const given = demand && approval && satisfies(approval, demand) ? approval : undefined
  const lifted = given?.standing === 'approved'
  const refused = given?.standing === 'refused'
  const permits = policies && verdict ? verdict.permits.map((id) => policies.meaningOf(id)) : []
  const obligations = permits.flatMap((meaning) => meaning.obligations)
  const against = [
    ...standing.reasons,
    ...(policies === undefined ? ['policy_none'] : verdict ? policyReasons(verdict, asking.length) : []),
    ...(asking.length > 0 && !demand ? ['approval_impossible'] : []),
    ...(refused ? ['approval_refused'] : []),
    ...(unsupported(obligations, question) ? ['obligation_unsupported'] : []),
    ...(surroundings.stale.length > 0 ? ['stale_state'] : []),
  ]
  const waits = demand !== undefined && !lifted && !refused
  const reasons = waits
    ? [...against, given?.standing === 'pending' ? 'approval_pending' : 'approval_required']
    : against
  const outcome = against.length > 0 ? 'deny' : waits ? 'ask' : 'allow'
  return {
    outcome,
    reasons,
    verdict,
    obligations: outcome === 'allow' ? obligations : [],
    reliedUntil: outcome === 'allow' ? reliedUntil(standing, permits, lifted) : 0,
    ...(outcome === 'ask' ? { needed: demand } : {}),
    ...(given ? { approval: given } : {}),
  }
}

function actOf({ audience, action, resource, amount, arguments: told }: Question, now: Date): Act {
  const texts = told ? textsOf(told) : undefined
  return {
    location: audience,
    action,
    resource: `${resource.type}::${resource.id}`,
    now,
    ...(amount ? { amount } : {}),
    ...(texts ? { arguments: texts } : {}),
  }
}

/** Patterns look at arguments that are strings; nothing else is guessed at. */
function textsOf(told: string): Record<string, string> {
  const texts: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(JSON.parse(told))) if (typeof value === 'string') texts[name] = value
  return texts
}

/** The grant, the delegations up to the root, and the mandate above it. */
export function lineOf(
  task: Task | undefined,
  chain: Delegation[] | undefined,
  mandate: { mandate: string; authorization_details: Node['details'] } | undefined,
): Node[] {
  if (!task?.grant) return []
  return [
    { node: task.grant.grant, details: task.grant.authorization_details },
    ...(chain ?? []).map(({ delegation, authorization_details }) => ({
      node: delegation,
      details: authorization_details,
    })),
    ...(mandate ? [{ node: mandate.mandate, details: mandate.authorization_details }] : []),
  ]
}

const spendOn = (line: Node[], act: Act, { used }: Surroundings): Spending =>
  line.length === 0 ? { judged: 'outside', uses: [], looked: [] } : spend(line, act, used)

/** The same act against a newer book. */
export const respend = (standing: Standing, lookup: Lookup, used: Surroundings['used']): Spending => {
  const { task, chain, question, now } = standing
  const mandate = chain?.at(-1)?.mandate
  return spend(
    lineOf(task, chain, mandate === undefined ? undefined : lookup.mandate(mandate)),
    actOf(question, now),
    used,
  )
}

function agentReasons(agent: AgentState, end: AgentEnd | undefined): string[] {
  if (end) return [end]
  if (!agent) return ['agent_unknown']
  if (isHeld(agent)) return [`agent_${agent.state}`]
  return agent.state === 'active' ? [] : ['agent_not_active']
}

function grantReasons(question: Question, task: Task | undefined, { judged }: Spending, now: Date): string[] {
  const grant = task?.grant
  if (!grant || grant.grant !== question.grantId) return ['grant_unknown']
  return [
    ...(grant.agent === question.agentId ? [] : ['grant_of_another_agent']),
    ...(grant.ended ? ['grant_ended'] : []),
    ...(new Date(grant.expires_at) <= now ? ['grant_expired'] : []),
    ...(judged === 'permitted' ? [] : [judged === 'outside' ? 'outside_grant' : judged]),
  ]
}

const reasonOf = (end: DelegationEnd | undefined): string[] => (end ? [end] : [])

function attestationOf({ status, kinds, recorded_at, composition, model_grade }: Result, now: Date) {
  const age = Math.max(0, now.getTime() - Date.parse(recorded_at))
  return {
    status,
    kinds,
    age,
    ...(composition ? { composition } : {}),
    ...(model_grade ? { modelGrade: model_grade } : {}),
  }
}

const unsupported = (obligations: Obligation[], { supportedObligations }: Question): boolean =>
  obligations.some(({ type }) => !supportedObligations.includes(type))

/** No longer than every policy that permits says, and than everything lives that was relied on. */
function reliedUntil(
  { now, task, chain, result, agent, spending, question }: Standing,
  permits: Meaning[],
  lifted: boolean,
): number {
  const seconds = Math.min(...permits.map(({ reliedSeconds }) => reliedSeconds))
  if (!(seconds > 0) || spending.uses.length > 0 || lifted) return 0
  const ends = [task?.grant, agent, ...(chain ?? [])].map((one) => Date.parse(one?.expires_at ?? ''))
  const attested = result ? countsUntil(result, agent, question.resource.sensitivity) : 0
  const until = Math.min(now.getTime() + seconds * 1000, attested, ...ends)
  return until > now.getTime() ? until : 0
}
