/** Tasks are opened by the policy service; this asks it, by gRPC with mTLS, on behalf of an agent that proved its key. */
import { AuthorizationDetails, DroppedAuthority } from '@credence/contracts/authority'
import { unavailable } from '@credence/contracts/errors'
import { GrantId, TaskId } from '@credence/contracts/events/values'
import { PolicyServiceClient, PolicyServiceService } from '@credence/contracts/gen/credence/policy/v1/policy'
import { CHANNEL, promised } from '@credence/shared/rpc/client'
import { refuseUnknownFields } from '@credence/shared/rpc/parse'
import { clientCredentials, type TlsFiles } from '@credence/shared/rpc/tls'
import { z } from 'zod'
import type { Tasks } from '../../api/context.ts'

const DEADLINE_MS = 2_000

/** @param options.address host:port of policy's workload listener */
export function connectTasks(options: {
  address: string
  trustDomain: string
  tls: TlsFiles
  cleanup: { push(stop: () => void): void }
}): Tasks {
  const credentials = clientCredentials(
    options.tls.caFile,
    `spiffe://${options.trustDomain}/service/policy`,
    options.tls,
  )
  const policy = promised(new PolicyServiceClient(options.address, credentials, CHANNEL), PolicyServiceService)
  options.cleanup.push(policy.close)
  return {
    open: async ({ agent, delegation, lifetimeSeconds, ...wanted }) => {
      const request = {
        ...wanted,
        agentId: agent,
        delegationId: delegation,
        lifetimeSeconds: BigInt(lifetimeSeconds),
        notBefore: [],
      }
      const answer = understood(await policy.openTask(request, { deadlineMs: DEADLINE_MS }))
      const { id, authorizationDetails, expiresAt, live } = answer.grant
      const about = { grant: id, task: answer.taskId, agent, delegation, live }
      const grant = { ...about, authorization_details: authorizationDetails, expires_at: expiresAt.toISOString() }
      return { grant, dropped: answer.dropped }
    },
  }
}

const Answer = z.object({
  taskId: TaskId,
  grant: z.object({
    id: GrantId,
    authorizationDetails: AuthorizationDetails,
    expiresAt: z.date(),
    live: z.boolean(),
  }),
  dropped: z.array(DroppedAuthority),
})

/** Read strictly: a limit that this version does not know must not be lost on the way into a token. */
function understood(answer: unknown): z.infer<typeof Answer> {
  try {
    refuseUnknownFields(answer)
    return Answer.parse(answer)
  } catch (error) {
    throw unavailable('policy_answer', 'The answer of the policy service cannot be understood.', error)
  }
}
