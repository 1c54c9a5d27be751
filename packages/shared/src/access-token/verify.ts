/** Checks an access token (RFC 9068) and that its sender may use it: DPoP (RFC 9449), or its certificate (RFC 8705). */
import { faultOf } from '@credence/contracts/principals/actor'
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { z } from 'zod'
import { type Clock, systemClock } from '../clock.ts'
import { createKeysOf } from './keys.ts'
import { createVerifyProof } from './proof.ts'
import { invalidProof, invalidToken, KeysUnavailable, TokenRefused } from './refusal.ts'

export type VerifiedToken = { tokenId: string; agentId: string; grantId: string; subject: string; actor: string }

/** What a request to a resource shows of itself. */
export type Presented = {
  method: string
  /** As its sender saw it. Scheme, host and port are the resource's own, never what a Host header says. */
  url: URL
  /** Every value of the header: one is right. */
  authorization: readonly string[]
  dpop: readonly string[]
  /** `x5t#S256` of the client's certificate on this connection (RFC 8705 §3.1). */
  certificate?: string
}

export type VerifyAccessToken = (presented: Presented, audience: string) => Promise<VerifiedToken>

const SKEW_SECONDS = 5
const SCHEMES = /^(dpop|bearer) +([A-Za-z0-9._~+/-]+=*)$/i
const NO_TOKEN = 'Send an access token of the identity service.'
const BY_PROOF = 'Tokens for agents are bound to a key: send them with the scheme DPoP and a proof.'

const Delegated = z.object({
  jti: z.string(),
  sub: z.string(),
  agent_id: z.string(),
  grant_id: z.string(),
  /** Each actor has a namespace and a name. Only the outermost decides anything; the others are for the record. */
  act: z.looseObject({ iss: z.string(), sub: z.string() }).refine((act) => faultOf(act) === undefined),
  /** A binding that we do not know could not be checked. */
  cnf: z
    .strictObject({ jkt: z.string().optional(), 'x5t#S256': z.string().optional() })
    .refine((cnf) => Object.values(cnf).length > 0),
})

/**
 * @param options.issuer the identity service
 * @param options.algorithmFor how tokens for an audience are signed; ES256 unless said
 * @throws TokenRefused, or KeysUnavailable: then nobody is let in, and nobody is to blame
 */
export function createVerifyAccessToken(options: {
  issuer: string
  fetch: typeof fetch
  algorithmFor?: (audience: string) => string
  clock?: Clock
}): VerifyAccessToken {
  const { issuer, algorithmFor = () => 'ES256', clock = systemClock } = options
  const keysOf = createKeysOf(issuer, options.fetch)
  const verifyProof = createVerifyProof()

  return async ({ method, url, authorization, dpop, certificate }, audience) => {
    const { scheme, token } = credentialsIn(authorization)
    if (scheme === 'bearer' && !certificate) throw invalidToken(BY_PROOF)
    const [proof, another] = dpop
    if (another !== undefined || (scheme === 'dpop' && !proof)) throw invalidProof('Send exactly one DPoP proof.')

    const now = clock()
    const expected = { issuer, audience, algorithms: [algorithmFor(audience)], currentDate: now }
    const claims = Delegated.safeParse(await claimsOf(token, await keysOf(), expected))
    if (!claims.success) throw invalidToken('The token is not a delegated token of an agent.')
    const { jti, sub, agent_id, grant_id, act, cnf } = claims.data

    if (cnf['x5t#S256'] !== undefined && cnf['x5t#S256'] !== certificate)
      throw invalidToken('The token is bound to another certificate than the one of this connection.')
    // RFC 9449 §7.1: a token that is bound to a key is never taken without its proof, nor a proof for one that is not.
    if ((cnf.jkt !== undefined) !== (scheme === 'dpop')) throw invalidToken(BY_PROOF)
    if (cnf.jkt !== undefined) await verifyProof(proof ?? '', { method, url, token, thumbprint: cnf.jkt }, now)
    return { tokenId: jti, subject: sub, agentId: agent_id, grantId: grant_id, actor: act.sub }
  }
}

function credentialsIn(authorization: readonly string[]): { scheme: 'dpop' | 'bearer'; token: string } {
  const [value, another] = authorization
  if (value === undefined || value === '') throw new TokenRefused(undefined, NO_TOKEN)
  if (another !== undefined) throw invalidToken('Send exactly one authorization header.')
  const [, scheme = '', token = ''] = SCHEMES.exec(value) ?? []
  if (!token) throw invalidToken(BY_PROOF)
  return { scheme: scheme.toLowerCase() as 'dpop' | 'bearer', token }
}

type Expected = { issuer: string; audience: string; algorithms: string[]; currentDate: Date }

/** RFC 9068 §4. */
async function claimsOf(token: string, keys: JWTVerifyGetKey, expected: Expected): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      ...expected,
      typ: 'at+jwt',
      requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id'],
      clockTolerance: SKEW_SECONDS,
    })
    return payload
  } catch (error) {
    if (error instanceof errors.JWKSTimeout || !isAboutToken(error))
      throw new KeysUnavailable('The keys of the identity service cannot be fetched.', { cause: error })
    throw invalidToken('The token is not valid here: wrong signature, issuer, audience or time.')
  }
}

const ABOUT_TOKEN = [
  errors.JWTClaimValidationFailed,
  errors.JWTExpired,
  errors.JWTInvalid,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
]
const isAboutToken = (error: unknown): boolean => ABOUT_TOKEN.some((kind) => error instanceof kind)
