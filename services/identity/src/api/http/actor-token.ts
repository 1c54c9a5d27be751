/**
 * The optional actor token (RFC 8693 §2.1, actor profile "Presenter modes"). It can only say who the authenticated
 * client is already: our own token for itself (client_credentials), a JWT-SVID of ours, or an assertion by its key.
 */

import { type Agent, livingKeys } from '@credence/contracts/principals/agent'
import { algorithmOf } from '@credence/shared/callers/agent-proof'
import { decodeJwt, decodeProtectedHeader, importJWK, type JWTPayload, jwtVerify } from 'jose'
import type { ExchangeRequest } from './exchange-request.ts'
import { invalidRequest, refuse } from './oauth-error.ts'
import { endOf } from './subject.ts'
import { TOKEN_TYPE, type TokenParts } from './token-endpoint.ts'

type Parts = Pick<TokenParts, 'accessTokens' | 'keys' | 'issuer' | 'clock' | 'principals' | 'grants' | 'revokedTokens'>

const unusable = (reason: string, why: string) => invalidRequest(reason, `actor_token: ${why}`)
const isNotClient = () =>
  refuse('actor_unauthorized', 'other_actor', 'The actor_token names another actor than the authenticated client.')

/** An assertion lives as long at most as one that authenticates a client. */
const MAX_ASSERTION_SECONDS = 300
const SKEW_SECONDS = 15
/** RFC 7523bis §4: what a client assertion may call itself; JWT-SVIDs (SPIFFE JWT-SVID §2) say JWT, JOSE or nothing. */
const TYPES = [undefined, 'jwt', 'jose', 'client-authentication+jwt']

/** @throws Refused `invalid_request` when it cannot be used, `actor_unauthorized` when it names another actor */
export async function checkActor(parts: Parts, { value, type }: NonNullable<ExchangeRequest['actor']>, agent: Agent) {
  const { typ, claims } = claimed(value)
  if (claims.act !== undefined) throw unusable('actor_token_with_act', 'must not carry act: it names one actor only')
  if (typ === 'at+jwt') {
    if (type !== TOKEN_TYPE.access) throw unusable('other_type', `is an access token: ${TOKEN_TYPE.access}`)
    return checkAccess(parts, value, agent)
  }
  if (!TYPES.includes(typ)) throw unusable('actor_token_invalid', 'is of a kind that names no actor here')
  if (type !== TOKEN_TYPE.jwt) throw unusable('other_type', `is no access token: ${TOKEN_TYPE.jwt}`)
  const payload = claims.iss === claims.sub ? await asAssertion(parts, value, agent) : await asSvid(parts, value)
  if (payload.sub !== agent.spiffe_id) throw isNotClient()
}

function claimed(token: string): { typ: string | undefined; claims: JWTPayload } {
  try {
    const typ = decodeProtectedHeader(token)
      .typ?.toLowerCase()
      .replace(/^application\//, '')
    return { typ, claims: decodeJwt(token) }
  } catch {
    throw unusable('actor_token_invalid', 'is not a JWT')
  }
}

const invalid = (): never => {
  throw unusable('actor_token_invalid', 'is not valid, or has expired')
}

async function checkAccess(parts: Parts, token: string, agent: Agent): Promise<void> {
  const claims = await parts.accessTokens.verify(token, parts.clock()).catch(invalid)
  if (claims.delegated || claims.audience !== parts.issuer)
    throw unusable('actor_token_invalid', 'must be a token that only says who the agent is (client_credentials)')
  if (claims.subject !== agent.spiffe_id) throw isNotClient()
  const end = endOf(parts, claims)
  if (end) throw unusable(end, 'counts no longer')
}

/** By one of the keys of the client itself. */
async function asAssertion(parts: Parts, token: string, agent: Agent): Promise<JWTPayload> {
  if (decodeJwt(token).sub !== agent.spiffe_id) throw isNotClient()
  for (const { jwk } of livingKeys(agent, parts.clock())) {
    const algorithm = algorithmOf(jwk)
    const verified = await jwtVerify(token, await importJWK(jwk, algorithm), {
      issuer: agent.spiffe_id,
      audience: parts.issuer,
      algorithms: [algorithm],
      currentDate: parts.clock(),
      maxTokenAge: MAX_ASSERTION_SECONDS,
      clockTolerance: SKEW_SECONDS,
      requiredClaims: ['exp', 'iat', 'jti'],
    }).catch(() => undefined)
    if (typeof verified?.payload.aud === 'string') return verified.payload
  }
  return invalid()
}

/** SPIFFE JWT-SVID §3; for this server alone. */
async function asSvid(parts: Parts, token: string): Promise<JWTPayload> {
  const { payload } = await jwtVerify(token, parts.keys.verifier('jwt-svid'), {
    audience: parts.issuer,
    algorithms: ['ES256'],
    currentDate: parts.clock(),
    requiredClaims: ['sub', 'exp'],
  }).catch(invalid)
  return [payload.aud].flat().length === 1 ? payload : invalid()
}
