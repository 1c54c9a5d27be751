/** An X.509-SVID whose key signed this challenge’s binding. */
import type { TrustBundle } from '@credence/shared/spiffe/bundle'
import { provesSvidKey } from '@credence/shared/spiffe/svid-proof'
import { verifyX509Svid } from '@credence/shared/spiffe/x509-svid'
import type { Evidenced } from '../../../api/verifier.ts'
import type { Refused, SvidClaims } from './outcome.ts'

/** @throws CredenceError when it is no SVID of this bundle */
export function verifyX509(
  chain: readonly Uint8Array[],
  proof: Uint8Array,
  bundle: TrustBundle,
  { binding, now }: Evidenced<'spiffe-svid'>,
): SvidClaims | Refused {
  const { id, certificate, expiresAt } = verifyX509Svid(chain, bundle, { now })
  if (!provesSvidKey(certificate.publicKey, binding, proof)) return { refused: 'binding_invalid' }
  return {
    claims: {
      spiffe_id: id.id,
      trust_domain: id.trustDomain,
      form: 'x509',
      key_bound: true,
      expires_at: expiresAt.toISOString(),
    },
    // Whenever it was issued, its key was held just now.
    measuredAt: now,
  }
}
