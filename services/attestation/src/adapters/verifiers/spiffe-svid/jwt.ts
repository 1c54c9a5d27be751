/** A JWT-SVID for us, and where the workload asked for that, for this challenge alone. */
import { CredenceError } from '@credence/contracts/errors'
import type { TrustBundle } from '@credence/shared/spiffe/bundle'
import { type JwtSvid, verifyJwtSvid } from '@credence/shared/spiffe/jwt-svid'
import { decodeJwt } from 'jose'
import type { Evidenced } from '../../../api/verifier.ts'
import type { Refused, SvidClaims } from './outcome.ts'

const SKEW_MS = 5_000
/** 32 bytes in base64url: what was made as a binding, and is not this one. */
const BINDING = /^[A-Za-z0-9_-]{43}$/

/** @throws CredenceError when it is no SVID of this bundle */
export async function verifyJwt(
  token: string,
  bundle: TrustBundle,
  { audience, binding, now }: Evidenced<'spiffe-svid'>,
): Promise<SvidClaims | Refused> {
  const beside = Buffer.from(binding).toString('base64url')
  let svid: JwtSvid
  try {
    svid = await verifyJwtSvid(token, bundle, { audience, beside, now })
  } catch (error) {
    if (error instanceof CredenceError && error.reason === 'jwt_svid_audience' && isOfAnother(token, audience))
      return { refused: 'binding_invalid' }
    throw error
  }
  const { id, claims, expiresAt } = svid
  const bound = [claims.aud].flat().includes(beside)
  // JWT-SVIDs need not say when they were issued; one that says nothing of this challenge has to.
  if (claims.iat === undefined && !bound) return { refused: 'issued_at_missing' }
  const issuedAt = claims.iat === undefined ? now.getTime() : claims.iat * 1000
  if (issuedAt > now.getTime() + SKEW_MS) return { refused: 'evidence_not_yet_valid' }
  return {
    claims: {
      spiffe_id: id.id,
      trust_domain: id.trustDomain,
      form: 'jwt',
      key_bound: bound,
      expires_at: expiresAt.toISOString(),
    },
    measuredAt: new Date(Math.min(issuedAt, now.getTime())),
  }
}

/** Whether it was made for us and for another challenge, or another agent’s. Its signature was good. */
function isOfAnother(token: string, audience: string): boolean {
  const audiences = [decodeJwt(token).aud ?? []].flat()
  return audiences.length === 2 && audiences.includes(audience) && audiences.some((text) => BINDING.test(text))
}
