/** A person approves exactly one act, once, within a deadline. */
import type { EventData, Fact } from '@credence/contracts/events/catalog'

export type Approval = EventData<'credence.policy.approval.requested.v1'> & {
  approvedBy: string[]
  refusedBy?: string
  usedBy?: string
}
export type ApprovalState = Approval | undefined

export const approvalEvolution = { initialState: undefined as ApprovalState, evolve }

function evolve(state: ApprovalState, fact: Fact): ApprovalState {
  switch (fact.type) {
    case 'credence.policy.approval.requested.v1':
      return state ?? { ...fact.data, approvedBy: [] }
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
