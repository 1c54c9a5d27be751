/**
 * The bundle of our own trust domain: the authorities of the X.509-SVIDs and JWT-SVIDs that this service issues, and the
 * CA that the deployment brought, which names services and whatever else runs here.
 */
import { readFileSync } from 'node:fs'
import { parseBundle, type TrustBundle } from '@credence/shared/spiffe/bundle'
import { certificatesIn } from '@credence/shared/spiffe/x509-svid'
import type { Keys } from '../../api/context.ts'

export function ownBundle(parts: { trustDomain: string; keys: Keys; caFile: string }): () => TrustBundle {
  const brought = certificatesIn(readFileSync(parts.caFile, 'utf8')).map((der) => ({
    kty: 'EC',
    use: 'x509-svid',
    x5c: [Buffer.from(der).toString('base64')],
  }))
  let text = ''
  let bundle: TrustBundle | undefined
  return () => {
    const jwt = parts.keys.published('jwt-svid').map((key) => ({ ...key, use: 'jwt-svid' }))
    const x509 = parts.keys.published('x509-svid').map((key) => ({ ...key, use: 'x509-svid' }))
    const now = JSON.stringify({ keys: [...brought, ...x509, ...jwt] })
    if (!bundle || now !== text) bundle = parseBundle(parts.trustDomain, now)
    text = now
    return bundle
  }
}
