/** People: an access token (RFC 9068) of one of the enterprise's OIDC providers, sent as `authorization: Bearer …`. */

import { unauthenticated, unavailable } from '@credence/contracts/errors'
import type { SignIn } from '@credence/contracts/events/identity'
import { createRemoteJWKSet, customFetch, decodeJwt, errors, jwtVerify } from 'jose'
import type { Egress } from '../http/egress.ts'
import { messageOf } from '../log.ts'
import { readClaims } from './claims.ts'
import type { Roles } from './roles.ts'
import { readSignIn } from './sign-in.ts'

export type VerifiedHuman = { id: string; issuer: string; groups: string[]; signIn: SignIn | undefined }
export type VerifyBearer = (authorization: string) => Promise<VerifiedHuman>
/** From a verified (issuer, subject) to the pseudonym. The name goes to the erasable directory only. */
export type ResolveHuman = (issuer: string, subject: string, displayName: string) => Promise<string>

type KeySet = ReturnType<typeof createRemoteJWKSet>

const FETCH_MS = 1_500

/** @param options.issuers the only ones that are believed, exactly as their tokens spell them */
export function createVerifyBearer(options: {
  issuers: readonly string[]
  audience: string
  /** How each of them names what we read of a person. */
  claimsOf: Roles['claimsOf']
  resolveHuman: ResolveHuman
  egress: Egress
}): VerifyBearer {
  const keySets = new Map<string, Promise<KeySet>>()
  const keysOf = (issuer: string): Promise<KeySet> => {
    const known = keySets.get(issuer) ?? discover(issuer, options.egress)
    keySets.set(issuer, known)
    known.catch(() => keySets.delete(issuer))
    return known
  }
  return async (authorization) => {
    const [scheme, token] = authorization.split(' ')
    if (scheme?.toLowerCase() !== 'bearer' || !token) throw refused('send it as "Bearer <token>"')
    const issuer = claimedIssuer(token)
    if (!issuer || !options.issuers.includes(issuer)) throw refused('its issuer is not one that Credence believes')
    const { payload } = await jwtVerify(token, await keysOf(issuer), {
      issuer,
      audience: options.audience,
      typ: 'at+jwt',
      requiredClaims: ['sub', 'exp', 'iat'],
      clockTolerance: 5,
    }).catch((error) => {
      if (error instanceof errors.JWKSTimeout) throw unreachable(issuer, error)
      if (error instanceof errors.JOSEError) throw refused(reasonOf(error))
      throw unreachable(issuer, error)
    })
    const { name, groups } = readClaims(options.claimsOf(issuer), payload)
    const id = await options.resolveHuman(issuer, String(payload.sub), name)
    return { id, issuer, groups, signIn: readSignIn(payload) }
  }
}

const refused = (why: string) => unauthenticated('invalid_token', `The bearer token is refused: ${why}.`)
const unreachable = (issuer: string, cause: unknown) =>
  unavailable('idp_unreachable', `The identity provider ${issuer} cannot be reached now (${messageOf(cause)}).`, cause)

const reasonOf = (error: InstanceType<typeof errors.JOSEError>): string => {
  if (error instanceof errors.JWTExpired) return 'it has expired'
  if (error instanceof errors.JWTClaimValidationFailed) return `its "${error.claim}" does not fit`
  return 'its signature or form does not fit'
}

function claimedIssuer(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined
  }
}

/** OpenID Connect Discovery 1.0 §4. */
async function discover(issuer: string, egress: Egress): Promise<KeySet> {
  const where = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  try {
    const response = await egress(where, { signal: AbortSignal.timeout(FETCH_MS) })
    const metadata = (await response.json()) as { issuer?: string; jwks_uri?: string }
    if (metadata.issuer !== issuer || !metadata.jwks_uri) throw new Error('its metadata names another issuer')
    return createRemoteJWKSet(new URL(metadata.jwks_uri), {
      timeoutDuration: FETCH_MS,
      cooldownDuration: 5_000,
      [customFetch]: egress,
    })
  } catch (error) {
    throw unreachable(issuer, error)
  }
}
