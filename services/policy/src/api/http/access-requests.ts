/** Approvals, as the access request profile has them. */
import { CredenceError } from '@credence/contracts/errors'
import type { Approval } from '../../domain/approval.ts'
import type { Desk } from '../approvals.ts'
import type { Context } from '../context.ts'
import { recordOf } from '../recorded.ts'
import type { AccessRequest, AccessRequests } from './requests.ts'

export function accessRequestsOf(context: Context, desk: Desk): AccessRequests {
  const shown = (approval: Approval): AccessRequest => ({
    id: approval.approval,
    standing: desk.standing(approval, context.clock()),
    persons: approval.persons,
    approved: approval.approvedBy.length,
    expiresAt: new Date(approval.expires_at),
  })
  return {
    recorded: async (decision, position) => {
      const found = await recordOf(context, decision, position).catch((error: unknown) => {
        if (error instanceof CredenceError && error.status === 'not_found') return undefined
        throw error
      })
      if (!found) return undefined
      const { outcome, agent, grant, action, resource, audience, enforcement_point: enforcementPoint } = found.recorded
      return { outcome, agent, grant, action, resource, audience, enforcementPoint, at: new Date(found.commit.time) }
    },
    request: async (of, asker) => {
      const by = { actor: { kind: 'workload' as const, id: asker.id }, enforcementPoint: asker.id }
      return shown((await desk.request(of, by)).approval)
    },
    get: async (id) => {
      await context.barrier()
      return shown(desk.known(id))
    },
  }
}
