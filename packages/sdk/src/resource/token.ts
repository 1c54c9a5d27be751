/** Checks an access token (RFC 9068) and its DPoP proof (RFC 9449 §4.3, §7) for one resource server. */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { faultOf } from '@credence/contracts/principals/actor'
import { once } from '@credence/shared/callers/agent-proof'
import { decodeJwt } from 'jose'
import * as oauth from 'oauth4webapi'
import { z } from 'zod'

export type VerifiedToken = { tokenId: string; agentId: string; grantId: string; subject: string; actor: string }

export class TokenRefused extends Error {
  readonly oauthError: string | undefined

  /** @param oauthError `invalid_token` or `invalid_dpop_proof`; undefined when no credentials were sent (RFC 6750 §3.1) */
  constructor(oauthError: string | undefined, message: string) {
    super(message)
    this.oauthError = oauthError
  }
}

/** The authorization server's keys could not be had: nobody can be let in, and nobody is to blame. */
export class KeysUnavailable extends Error {}

export type VerifyToken = (request: IncomingMessage) => Promise<VerifiedToken>

const PROOF_LIFE_SECONDS = 300
const PROOF_FUTURE_SECONDS = 15
const DELEGATED = z.object({
  jti: z.string(),
  sub: z.string(),
  agent_id: z.string(),
  grant_id: z.string(),
  /** Each actor has a namespace and a name. Only the outermost decides anything; the others are for the record. */
  act: z.looseObject({ iss: z.string(), sub: z.string() }).refine((act) => faultOf(act) === undefined),
  cnf: z.object({ jkt: z.string() }),
})

/**
 * @param options.audience this resource server's identifier: an absolute https URL. Proofs are compared with it, never with Host
 * @param options.issuer the identity service
 */
export function createVerifyToken(options: { audience: string; issuer: string; fetch: typeof fetch }): VerifyToken {
  const usedProofs = new Map<string, number>()
  let discovered: Promise<oauth.AuthorizationServer> | undefined
  const authorizationServer = () => {
    discovered ??= discover(options.issuer, options.fetch)
    discovered.catch(() => {
      discovered = undefined
    })
    return discovered
  }

  return async (request) => {
    if (!request.headers.authorization)
      throw new TokenRefused(undefined, 'Send an access token of the identity service.')
    if (!/^DPoP /i.test(request.headers.authorization))
      throw new TokenRefused(
        'invalid_token',
        'Tokens for agents are bound to a key: send them with the scheme DPoP and a proof.',
      )
    const proof = request.headers.dpop
    if (typeof proof !== 'string') throw new TokenRefused('invalid_dpop_proof', 'Send exactly one DPoP proof.')
    const server = await authorizationServer().catch((error) => {
      throw new KeysUnavailable('The identity service cannot be reached.', { cause: error })
    })
    const claims = await validate(server, asWebRequest(request, options.audience), options)
    const parsed = DELEGATED.safeParse(claims)
    if (!parsed.success) throw new TokenRefused('invalid_token', 'The token is not a delegated token of an agent.')
    refuseReplay(usedProofs, proof, parsed.data.cnf.jkt)
    const { jti, sub, agent_id, grant_id, act } = parsed.data
    return { tokenId: jti, subject: sub, agentId: agent_id, grantId: grant_id, actor: act.sub }
  }
}

async function discover(issuer: string, fetching: typeof fetch): Promise<oauth.AuthorizationServer> {
  const url = new URL(issuer)
  const response = await oauth.discoveryRequest(url, {
    algorithm: 'oauth2',
    [oauth.customFetch]: fetching,
    signal: () => AbortSignal.timeout(1_500),
  })
  return oauth.processDiscoveryResponse(url, response)
}

async function validate(
  server: oauth.AuthorizationServer,
  request: Request,
  options: { audience: string; fetch: typeof fetch },
) {
  try {
    return await oauth.validateJwtAccessToken(server, request, options.audience, {
      requireDPoP: true,
      signingAlgorithms: ['ES256'],
      [oauth.customFetch]: options.fetch,
      [oauth.clockTolerance]: 5,
      signal: () => AbortSignal.timeout(1_500),
    })
  } catch (error) {
    if (
      error instanceof oauth.OperationProcessingError ||
      error instanceof oauth.UnsupportedOperationError ||
      error instanceof oauth.WWWAuthenticateChallengeError
    ) {
      const aboutProof = /dpop|"(ath|htm|htu)"/i.test(error.message)
      if (aboutProof)
        throw new TokenRefused(
          'invalid_dpop_proof',
          'The DPoP proof does not fit this request, this token or this time.',
        )
      throw new TokenRefused('invalid_token', 'The token is not valid here: wrong signature, issuer, audience or time.')
    }
    throw new KeysUnavailable('The keys of the identity service cannot be fetched.', { cause: error })
  }
}

/** The URL is ours, whatever Host the request carried. */
function asWebRequest(request: IncomingMessage, audience: string): Request {
  const { authorization = '', dpop = '' } = request.headers
  const url = new URL(request.url ?? '/', audience)
  return new Request(url, { method: request.method, headers: { authorization, dpop: String(dpop) } })
}

function refuseReplay(used: Map<string, number>, proof: string, thumbprint: string): void {
  const { jti = '', iat = 0 } = decodeJwt(proof)
  const now = Math.floor(Date.now() / 1000)
  if (iat > now + PROOF_FUTURE_SECONDS)
    throw new TokenRefused('invalid_dpop_proof', 'The DPoP proof comes from the future.')
  const mark = createHash('sha256')
    .update(JSON.stringify([thumbprint, jti]))
    .digest('base64url')
  if (!once(used, mark, now + 2 * PROOF_LIFE_SECONDS, now))
    throw new TokenRefused('invalid_dpop_proof', 'The DPoP proof was used before.')
}
