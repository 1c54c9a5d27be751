/** Approvals for protocols that know enforcement points only (AuthZEN Access Request and Approval Profile). */
import { CredenceError, notFound } from '@credence/contracts/errors'
import { ApprovalId, DecisionId } from '@credence/contracts/events/values'
import type { Approval, ApprovalStanding } from '../domain/approval.ts'
import type { Recorded } from '../domain/replay.ts'
import { createDesk } from './approvals.ts'
import type { Asker } from './ask.ts'
import type { Context } from './context.ts'
import { recordOf } from './grpc/replay.ts'

/** What is told of an approval: nothing of what the act is about, nor who answered. */
export type AccessRequest = {
  id: string
  standing: ApprovalStanding
  persons: number
  /** How many have approved. */
  approved: number
  /** Until when people may answer, and the act be done. */
  expiresAt: Date
}

export type RecordedDecision = Pick<Recorded, 'outcome' | 'agent' | 'grant' | 'action' | 'resource' | 'audience'> & {
  enforcementPoint: string
  at: Date
}

export function createAccessRequests(context: Context) {
  const desk = createDesk(context)
  const shown = (approval: Approval): AccessRequest => ({
    id: approval.approval,
    standing: desk.standing(approval, context.clock()),
    persons: approval.persons,
    approved: approval.approvedBy.length,
    expiresAt: new Date(approval.expires_at),
  })
  return {
    /** @param position "DECISIONS:1234" @returns undefined when this decision does not lie there */
    recorded: async (decision: string, position: string): Promise<RecordedDecision | undefined> => {
      if (!isPlace(decision, position)) return undefined
      try {
        const { commit, recorded } = await recordOf(context, decision, position)
        const { outcome, agent, grant, action, resource, audience, enforcement_point: enforcementPoint } = recorded
        return { outcome, agent, grant, action, resource, audience, enforcementPoint, at: new Date(commit.time) }
      } catch (error) {
        if (error instanceof CredenceError && error.status === 'not_found') return undefined
        throw error
      }
    },
    /** Asks people; the same decision again is the same request. @throws CredenceError as RequestApproval does */
    request: async (of: { decision: string; position: string; statement: string }, asker: Pick<Asker, 'id'>) => {
      if (!isPlace(of.decision, of.position)) throw notFound('decision', of.decision)
      const { decision, position, statement } = of
      const by = { actor: { kind: 'workload' as const, id: asker.id }, enforcementPoint: asker.id }
      const { approval } = await desk.request({ decision, position, statement }, by)
      return shown(approval)
    },
    /** @throws CredenceError `not_found` */
    get: async (id: string, _asker: Pick<Asker, 'id'>): Promise<AccessRequest> => {
      await context.barrier()
      if (!ApprovalId.safeParse(id).success) throw notFound('approval', id)
      return shown(desk.known(id))
    },
  }
}

/** Without a place the record would be searched through. */
const isPlace = (decision: string, position: string): boolean =>
  DecisionId.safeParse(decision).success && /^DECISIONS:\d{1,15}$/.test(position)
