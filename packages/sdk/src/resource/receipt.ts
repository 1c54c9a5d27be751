/**
 * Verifies a decision receipt offline: a JWS (RFC 7515) that the policy service signed with its X.509-SVID. All it takes is
 * the trust domain's bundle.
 */
import { unauthenticated } from '@credence/contracts/errors'
import type { TrustBundle } from '@credence/shared/spiffe/bundle'
import { verifyX509Svid } from '@credence/shared/spiffe/x509-svid'
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose'
import { z } from 'zod'

const Claims = z.object({
  /** The decision. */
  jti: z.string(),
  outcome: z.enum(['allow', 'deny', 'ask']),
  reasons: z.array(z.string()),
  /** SHA-256 of the RFC 8785 form of the question. */
  request_digest: z.string(),
  /** The version of the policies: SHA-256 over policies and schema. */
  policy_digest: z.string(),
  engine: z.string(),
  /** SHA-256 of the entities that the decision knew. */
  snapshot_digest: z.string(),
  /** Where its record lies: "DECISIONS:sequence". */
  position: z.string(),
  iat: z.number(),
})
export type Receipt = z.infer<typeof Claims>

const ALGORITHMS = ['ES256', 'EdDSA', 'PS256']

/**
 * @param jws compact serialization, as `CheckResponse.receipt` holds it
 * @param bundle of the trust domain of the policy service
 * @throws CredenceError `unauthenticated` with a reason that begins with `receipt_`, or that of verifyX509Svid
 */
export async function verifyReceipt(jws: string, bundle: TrustBundle): Promise<Receipt> {
  const { x5c, typ, signedAt } = unverified(jws)
  if (typ !== 'decision-receipt+jwt') throw refused('type', 'it is not a decision receipt')
  const [leaf, ...rest] = (x5c ?? []).map((text) => new Uint8Array(Buffer.from(text, 'base64')))
  if (!leaf) throw refused('unsigned', 'it names no certificate')
  // A certificate lives for hours, a receipt for years: it has to have been valid when the receipt was signed.
  const svid = verifyX509Svid([leaf, ...rest], bundle, { now: signedAt })
  if (svid.id.path !== '/service/policy')
    throw refused('signer', `it is signed by ${svid.id.path}, not by a policy service`)
  const { payload } = await jwtVerify(jws, svid.certificate.publicKey, {
    algorithms: ALGORITHMS,
    typ: 'decision-receipt+jwt',
    issuer: `spiffe://${svid.id.trustDomain}${svid.id.path}`,
  }).catch((error) => {
    if (error instanceof errors.JOSEError) throw refused('signature', 'its signature does not fit')
    throw error
  })
  const claims = Claims.safeParse(payload)
  if (!claims.success) throw refused('form', 'it does not hold what a receipt holds')
  return claims.data
}

const refused = (reason: string, why: string) =>
  unauthenticated(`receipt_${reason}`, `The decision receipt is refused: ${why}.`)

/** What it says before it is verified. */
function unverified(jws: string) {
  try {
    return { ...decodeProtectedHeader(jws), signedAt: new Date(Number(decodeJwt(jws).iat) * 1000) }
  } catch {
    throw refused('form', 'it is not a compact JWS')
  }
}
