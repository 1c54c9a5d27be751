/**
 * Verifies a decision receipt offline: a JWS (RFC 7515) that the policy service signed with its X.509-SVID. All it takes is
 * the trust domain's bundle.
 */
import { unauthenticated } from '@credence/contracts/errors'
import type { TrustBundle } from '@credence/shared/spiffe/bundle'
import { verifySignedByService } from '@credence/shared/spiffe/signed-jwt'
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

/**
 * @param jws compact serialization, as `CheckResponse.receipt` holds it
 * @param bundle of the trust domain of the policy service
 * @throws CredenceError `unauthenticated` with a reason that begins with `receipt_`, or that of verifyX509Svid
 */
export async function verifyReceipt(jws: string, bundle: TrustBundle): Promise<Receipt> {
  const about = { what: 'receipt', typ: 'decision-receipt+jwt', path: '/service/policy', bundle }
  const { claims } = await verifySignedByService(jws, about)
  const receipt = Claims.safeParse(claims)
  if (!receipt.success)
    throw unauthenticated('receipt_form', 'The receipt is refused: it does not hold what a receipt holds.')
  return receipt.data
}
