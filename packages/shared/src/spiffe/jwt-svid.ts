/** JWT-SVIDs (SPIFFE JWT-SVID): who sends this token, for us and nobody else. */
import { type CredenceError, unauthenticated } from '@credence/contracts/errors'
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose'
import type { TrustBundle } from './bundle.ts'
import { parseSpiffeId, type SpiffeId, workloadIdOf } from './id.ts'

/** JWT-SVID §2.1. Not EdDSA, nor anything with a shared secret. */
export const JWT_SVID_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512']
const HEADER = ['alg', 'kid', 'typ']
const TYPES = ['JWT', 'JOSE']
const SKEW_SECONDS = 5

export type JwtSvid = { id: SpiffeId; expiresAt: Date; jti: string | undefined; claims: JWTPayload }

/**
 * Verifies a JWT-SVID by the bundle of its trust domain, in the order of JWT-SVID §5.
 * Whoever a token names as audience can play it on to the others (§7.2), so none may stand there that is not asked for.
 * @param options.audience must be the only one that the token names
 * @param options.beside may stand beside it: a value that is nobody's name, such as a challenge. What was there is in
 *   `claims.aud`
 * @throws CredenceError `unauthenticated` with a reason that begins with `jwt_svid_`, `spiffe_id_` or `trust_domain_`
 */
export async function verifyJwtSvid(
  token: string,
  bundle: TrustBundle,
  options: { audience: string; beside?: string; now: Date },
): Promise<JwtSvid> {
  const alg = algorithmOf(token)
  const { payload } = await jwtVerify(token, bundle.jwtKey, {
    algorithms: [alg],
    requiredClaims: ['sub', 'aud', 'exp'],
    clockTolerance: SKEW_SECONDS,
    currentDate: options.now,
  }).catch((error) => {
    if (error instanceof errors.JWKSNoMatchingKey)
      throw refused('key_unknown', `the bundle of ${bundle.trustDomain} has no such key`)
    if (error instanceof errors.JWTExpired) throw refused('expired', 'it has expired')
    if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'nbf')
      throw refused('not_yet_valid', 'it is not valid yet')
    if (error instanceof errors.JWSSignatureVerificationFailed)
      throw refused('signature', 'it was not signed by the key that it names, or was changed since')
    throw refused('invalid', 'form, claims or key do not fit')
  })
  const audiences = [payload.aud].flat()
  const others = audiences.filter((audience) => audience !== options.audience)
  const known = others.length === 0 || (others.length === 1 && others[0] === options.beside)
  if (audiences.length !== others.length + 1 || !known)
    throw refused('audience', `its audience must be ${options.audience} and nothing else`)
  const id = workloadIdOf(typeof payload.sub === 'string' ? payload.sub : '', bundle.trustDomain)
  const jti = typeof payload.jti === 'string' ? payload.jti : undefined
  return { id, expiresAt: new Date((payload.exp ?? 0) * 1000), jti, claims: payload }
}

/**
 * Whose bundle a token asks to be verified by. What it says is believed only when that bundle's key has signed it.
 * @throws CredenceError `unauthenticated`
 */
export function claimedTrustDomain(token: string): string {
  const [, payload = ''] = token.split('.')
  let claims: { sub?: unknown }
  try {
    claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) ?? {}
  } catch {
    throw refused('malformed', 'it is not a compact JWS')
  }
  return parseSpiffeId(typeof claims.sub === 'string' ? claims.sub : '').trustDomain
}

const refused = (reason: string, why: string): CredenceError =>
  unauthenticated(`jwt_svid_${reason}`, `The JWT-SVID is refused: ${why}.`)

/** JWT-SVID §2: nothing else may stand in the header, so nobody is made to fetch or believe it. */
function algorithmOf(token: string): string {
  let header: ReturnType<typeof decodeProtectedHeader>
  try {
    header = decodeProtectedHeader(token)
  } catch {
    throw refused('malformed', 'it is not a compact JWS')
  }
  const extra = Object.keys(header).find((name) => !HEADER.includes(name))
  if (extra) throw refused('header', 'its header may hold alg, kid and typ only')
  const { alg, kid, typ } = header
  if (typ !== undefined && !TYPES.includes(typ)) throw refused('type', `its typ must be ${TYPES.join(' or ')}`)
  if (!alg || !JWT_SVID_ALGORITHMS.includes(alg))
    throw refused('algorithm', `its alg must be one of ${JWT_SVID_ALGORITHMS.join(', ')}`)
  if (typeof kid !== 'string' || kid === '') throw refused('key_unknown', 'it must name its key (kid)')
  return alg
}
