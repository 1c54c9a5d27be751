/**
 * A person approves exactly one act, once, within a deadline. There is one log for each act (its keyed digest names agent,
 * grant and all that is to be done), so that its place in the stream is the fence: one approval of an act is open at a
 * time, whatever replica was asked.
 */
import { CredenceError, forbidden, precondition } from '@credence/contracts/errors'
import type { EventData, Fact, PolicyFact } from '@credence/contracts/events/catalog'

type Requested = EventData<'credence.policy.approval.requested.v1'>
export type Approval = Requested & { approvedBy: string[]; refusedBy?: string; usedBy?: string }
/** The newest approval of an act. */
export type ApprovalState = Approval | undefined

export const approvalEvolution = { initialState: undefined as ApprovalState, evolve }

function evolve(state: ApprovalState, fact: Fact): ApprovalState {
  switch (fact.type) {
    case 'credence.policy.approval.requested.v1':
      return { ...fact.data, approvedBy: [] }
    case 'credence.policy.approval.approved.v1':
      return state && { ...state, approvedBy: [...state.approvedBy, fact.data.human] }
    case 'credence.policy.approval.refused.v1':
      return state && { ...state, refusedBy: fact.data.human }
    case 'credence.policy.approval.used.v1':
      return state && { ...state, usedBy: fact.data.decision }
    default:
      return state
  }
}

export type ApprovalStanding = 'pending' | 'approved' | 'refused' | 'expired' | 'used'

/** An approval counts until its deadline: what is approved must be done within it. */
export function standingOf(approval: Approval, now: Date): ApprovalStanding {
  if (approval.usedBy) return 'used'
  if (approval.refusedBy) return 'refused'
  if (!(new Date(approval.expires_at) > now)) return 'expired'
  return approval.approvedBy.length >= approval.persons ? 'approved' : 'pending'
}

/** The human at the root of the delegation, in a policy that asks them. */
export const DELEGATOR = 'delegator'
/**
 * How many approvals of one agent may weigh on people at a time: those that are open, and those that were refused, until
 * their deadline. Who is told no does not try the same with other words until somebody gives in.
 */
export const MAX_WEIGHING = 10

/** What a policy demands, as a decision recorded it. */
export type Demand = { approver: string; persons: number }

/** Whether what was asked of people is at least what is demanded now: policies may have changed in between. */
export const satisfies = (approval: Demand, { approver, persons }: Demand): boolean =>
  approval.approver === approver && approval.persons >= persons

export type ApprovalRequest = Omit<Requested, 'expires_at'> & { withinSeconds: number }

/**
 * Asks people. A decision asks once; while an approval of the same act that satisfies the demand is open, or was given and
 * not used, that one counts. Who was refused does not ask again for the same act before the deadline of the refused one.
 * @param context.ended why the agent, its grant or its delegation no longer counts
 * @param context.weighing how many approvals of the agent weigh on people now
 * @throws CredenceError `failed_precondition`, `resource_exhausted`
 */
export function requestApproval(
  state: ApprovalState,
  { withinSeconds, ...request }: ApprovalRequest,
  context: { ended: string | undefined; weighing: number; grantExpiresAt: string; now: Date },
): PolicyFact[] {
  const { ended, weighing, grantExpiresAt, now } = context
  if (state?.decision === request.decision) return []
  if (ended) throw overFor(ended)
  if (request.approver === DELEGATOR && request.persons > 1)
    throw precondition('approval_impossible', 'The policy wants several persons, and names one: the delegator.')
  const standing = state && standingOf(state, now)
  if (state && (standing === 'pending' || standing === 'approved') && satisfies(state, request)) return []
  if (state && standing === 'refused' && new Date(state.expires_at) > now)
    throw precondition(
      'approval_refused',
      `This very act was refused; it cannot be asked for before ${state.expires_at}.`,
    )
  if (weighing >= MAX_WEIGHING)
    throw new CredenceError(
      'resource_exhausted',
      'too_many_approvals',
      `At most ${MAX_WEIGHING} approvals of an agent may be open, or refused and not over. Wait for them.`,
    )
  const deadline = Math.min(now.getTime() + withinSeconds * 1000, Date.parse(grantExpiresAt))
  const data = { ...request, expires_at: new Date(deadline).toISOString() }
  return [{ type: 'credence.policy.approval.requested.v1', data }]
}

const overFor = (cause: string): CredenceError =>
  precondition(cause, 'The agent, its grant or its delegation has ended: there is nothing to approve any more.')

/** Somebody who answers: by name, with the roles that they hold now. */
export type Answerer = { human: string; roles: ReadonlySet<string> }

/**
 * Whether this person is one whom the policy asks. Where it names a role, the human for whom the agent acts is not among
 * them, whatever roles they hold (separation of duties).
 */
export const mayAnswer = ({ approver, human }: Approval, who: Answerer): boolean =>
  approver === DELEGATOR ? who.human === human : who.human !== human && who.roles.has(approver)

type Answering = { approval: string; who: Answerer; ended: string | undefined; now: Date }

/** One person agrees. Agreeing again changes nothing, and counts once. @throws CredenceError when it is too late */
export function approve(state: ApprovalState, answer: Answering): PolicyFact[] {
  const open = answerable(state, answer)
  const { approval, who, now } = answer
  if (open.approvedBy.includes(who.human)) return []
  if (standingOf(open, now) === 'approved')
    throw precondition('approval_answered', 'Enough persons have approved already.')
  return [{ type: 'credence.policy.approval.approved.v1', data: { approval, human: who.human } }]
}

/** One refusal ends it, until it is used; also for one who had agreed before. @throws CredenceError when it is too late */
export function refuse(state: ApprovalState, answer: Answering): PolicyFact[] {
  const { approval, who } = answer
  if (state?.approval === approval && state.refusedBy === who.human) return []
  answerable(state, answer)
  return [{ type: 'credence.policy.approval.refused.v1', data: { approval, human: who.human } }]
}

function answerable(state: ApprovalState, { approval, who, ended, now }: Answering): Approval {
  if (state?.approval !== approval)
    throw precondition('approval_superseded', 'The same act was asked for anew: answer the newer approval.')
  if (!mayAnswer(state, who)) throw notYours()
  if (ended) throw overFor(ended)
  refuseOver(standingOf(state, now))
  return state
}

export const notYours = (): CredenceError =>
  forbidden(
    'not_your_approval',
    'Only those whom the policy names may see and answer this, and never the human for whom the agent acts, unless it names them.',
  )

function refuseOver(standing: ApprovalStanding): void {
  if (standing === 'used') throw precondition('approval_used', 'What was approved was done already; it counts once.')
  if (standing === 'refused') throw precondition('approval_refused', 'It was refused.')
  if (standing === 'expired') throw precondition('approval_expired', 'The deadline is over. The agent can ask again.')
}

/** A decision makes use of it: once. @throws CredenceError `failed_precondition` when it does not count (any more) */
export function useApproval(state: ApprovalState, decision: string, now: Date): PolicyFact[] {
  if (!state) throw precondition('approval_missing', 'Nobody was asked to approve this.')
  const standing = standingOf(state, now)
  refuseOver(standing)
  if (standing === 'pending') throw precondition('approval_pending', 'It is not approved yet.')
  return [{ type: 'credence.policy.approval.used.v1', data: { approval: state.approval, decision } }]
}
