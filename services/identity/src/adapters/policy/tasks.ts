/** Tasks are opened by the policy service; this asks it, by gRPC with mTLS, on behalf of an agent that proved its key. */
import { AuthorizationDetails, DroppedAuthority } from '@credence/contracts/authority'
import { unavailable } from '@credence/contracts/errors'
import { PolicyServiceClient, PolicyServiceService } from '@credence/contracts/gen/credence/policy/v1/policy'
import { CHANNEL, promised } from '@credence/shared/rpc/client'
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
      const { taskId, grant, dropped } = await policy.openTask(request, { deadlineMs: DEADLINE_MS })
      if (!grant?.expiresAt) throw unavailable('policy_answer', 'The policy service answered without a grant.')
      return {
        grant: {
          grant: grant.id,
          task: taskId,
          agent,
          delegation,
          authorization_details: AuthorizationDetails.parse(grant.authorizationDetails),
          expires_at: grant.expiresAt.toISOString(),
          live: grant.live,
        },
        dropped: z.array(DroppedAuthority).parse(dropped),
      }
    },
  }
}
