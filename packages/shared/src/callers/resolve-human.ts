/** How services other than identity learn a person's pseudonym: they ask identity once, and keep the answer. */
import { IdentityServiceClient, IdentityServiceService } from '@credence/contracts/gen/credence/identity/v1/identity'
import { CHANNEL, promised } from '../rpc/client.ts'
import { clientCredentials, type TlsFiles } from '../rpc/tls.ts'
import type { ResolveHuman } from './bearer.ts'

const REMEMBERED = 10_000

/** @param options.address host:port of identity's workload listener */
export function createResolveHuman(options: {
  address: string
  trustDomain: string
  tls: TlsFiles
  cleanup: { push(stop: () => void): void }
}): ResolveHuman {
  const serverId = `spiffe://${options.trustDomain}/service/identity`
  const credentials = clientCredentials(options.tls.caFile, serverId, options.tls)
  const identity = promised(new IdentityServiceClient(options.address, credentials, CHANNEL), IdentityServiceService)
  const known = new Map<string, string>()
  options.cleanup.push(identity.close)
  return async (issuer, subject, displayName) => {
    const key = JSON.stringify([issuer, subject])
    const found = known.get(key)
    if (found) return found
    const { humanId } = await identity.resolveHuman({ issuer, subject, displayName }, { deadlineMs: 1_500 })
    if (known.size >= REMEMBERED) known.clear()
    known.set(key, humanId)
    return humanId
  }
}
