/**
 * By which keys enforcement points prove who they are: certificates by the CA that the deployment brought, JWT-SVIDs by
 * the bundle of our trust domain as identity publishes it.
 */
import { readFileSync } from 'node:fs'
import { unavailable } from '@credence/contracts/errors'
import { IdentityServiceClient, IdentityServiceService } from '@credence/contracts/gen/credence/identity/v1/identity'
import type { Clock } from '@credence/shared/clock'
import { CHANNEL, promised } from '@credence/shared/rpc/client'
import { clientCredentials, type TlsFiles } from '@credence/shared/rpc/tls'
import { parseBundle, refuseOlder, type TrustBundle } from '@credence/shared/spiffe/bundle'
import { certificatesIn } from '@credence/shared/spiffe/x509-svid'
import type { Trust } from '../../api/http/enforcement-points.ts'

/** A key that we do not know makes us ask; made-up ones must not make us ask all the time. */
const ASK_AGAIN_MS = 5_000
const WITHIN_MS = 1_500

/** @param options.address host:port of identity's workload listener */
export function createTrust(options: {
  address: string
  trustDomain: string
  tls: TlsFiles
  clock: Clock
  cleanup: { push(stop: () => void): void }
}): Trust {
  const { address, trustDomain, tls, clock, cleanup } = options
  const credentials = clientCredentials(tls.caFile, `spiffe://${trustDomain}/service/identity`, tls)
  const identity = promised(new IdentityServiceClient(address, credentials, CHANNEL), IdentityServiceService)
  cleanup.push(identity.close)

  let held: TrustBundle | undefined
  let asking: Promise<TrustBundle> | undefined
  let askedAt = 0

  async function ask(): Promise<TrustBundle> {
    const { bundle } = await identity.getTrustBundle({}, { deadlineMs: WITHIN_MS })
    const next = parseBundle(trustDomain, bundle)
    refuseOlder(held, next)
    held = next
    return next
  }
  return {
    x509: brought(trustDomain, tls.caFile),
    jwt: async (keyId) => {
      const now = clock().getTime()
      const knows = held?.jwtAuthorities.some(({ kid }) => kid === keyId)
      const isFresh = held && now - askedAt < (knows ? held.refreshHintSeconds * 1000 : ASK_AGAIN_MS)
      if (held && isFresh) return held
      askedAt = now
      asking ??= ask().finally(() => {
        asking = undefined
      })
      return asking.catch((error) => {
        // What is known still counts until identity can be asked again; a key that was withdrawn is told then.
        if (held && knows) return held
        throw unavailable('bundle_unavailable', 'The keys of JWT-SVIDs cannot be had from identity. Try again.', error)
      })
    },
  }
}

/** Read again when the file changes. */
function brought(trustDomain: string, caFile: string): () => TrustBundle {
  let pem = ''
  let bundle: TrustBundle | undefined
  return () => {
    const now = readFileSync(caFile, 'utf8')
    if (!bundle || now !== pem) {
      const keys = certificatesIn(now).map((der) => ({
        kty: 'EC',
        use: 'x509-svid',
        x5c: [Buffer.from(der).toString('base64')],
      }))
      bundle = parseBundle(trustDomain, JSON.stringify({ keys }))
      pem = now
    }
    return bundle
  }
}
