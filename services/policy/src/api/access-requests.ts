/** Approvals for protocols that know enforcement points only (AuthZEN Access Request and Approval Profile). */
import { CredenceError, invalid, notFound } from '@credence/contracts/errors'
import { ApprovalId, DecisionId, Prose } from '@credence/contracts/events/values'
import type { Approval } from '../domain/approval.ts'
import type { Desk } from './approvals.ts'
import type { Context } from './context.ts'
import { recordOf } from './grpc/replay.ts'
import type { AccessRequest, AccessRequests } from './http/requests.ts'

/** Nothing is told of what the act is about, nor of who answered. */
export function createAccessRequests(context: Context, desk: Desk): AccessRequests {
  const shown = (approval: Approval): AccessRequest => ({
    id: approval.approval,
    standing: desk.standing(approval, context.clock()),
    persons: approval.persons,
    approved: approval.approvedBy.length,
    expiresAt: new Date(approval.expires_at),
  })
  return {
    recorded: async (decision, position) => {
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
    request: async ({ decision, position, statement }, asker) => {
      if (!isPlace(decision, position)) throw notFound('decision', decision)
      if (statement !== '' && !Prose.safeParse(statement).success)
        throw invalid(
          'context.business_justification',
          'must be at most 500 characters, and hold no control characters',
        )
      const by = { actor: { kind: 'workload' as const, id: asker.id }, enforcementPoint: asker.id }
      const { approval } = await desk.request({ decision, position, statement }, by)
      return shown(approval)
    },
    get: async (id) => {
      await context.barrier()
      if (!ApprovalId.safeParse(id).success) throw notFound('approval', id)
      return shown(desk.known(id))
    },
  }
}

/** Without a place the record would be searched through. */
const isPlace = (decision: string, position: string): boolean =>
  DecisionId.safeParse(decision).success && /^DECISIONS:\d{1,15}$/.test(position)
