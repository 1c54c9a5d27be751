/** The desk at which people are asked (approvals.ts), as the access request profile works with it. */
import { CredenceError } from '@credence/contracts/errors'
import type { Approval } from '../../domain/approval.ts'
import { createDesk } from '../approvals.ts'
import type { Context } from '../context.ts'
import { recordOf } from '../grpc/replay.ts'
import type { AccessRequest, AccessRequests } from './requests.ts'

export function accessRequestsOf(context: Context): AccessRequests {
  const { barrier, clock } = context
  const desk = createDesk(context)
  const shown = (approval: Approval): AccessRequest => ({
    id: approval.approval,
    standing: desk.standing(approval, clock()),
    persons: approval.persons,
    approved: approval.approvedBy.length,
    expiresAt: new Date(approval.expires_at),
  })
  return {
    recorded: async (decision, position) => {
      try {
        const { commit, recorded } = await recordOf(context, decision, position)
        const { outcome, agent, grant, action, resource, audience, enforcement_point: enforcementPoint } = recorded
        return { outcome, agent, grant, action, resource, audience, enforcementPoint, at: new Date(commit.time) }
      } catch (error) {
        if (error instanceof CredenceError && error.status === 'not_found') return undefined
        throw error
      }
    },
    request: async (of, { id }) => {
      const { approval } = await desk.request(of, { actor: { kind: 'workload', id }, enforcementPoint: id })
      return shown(approval)
    },
    get: async (id) => {
      await barrier()
      return shown(desk.known(id))
    },
  }
}
