/** From a delegation to an access token for one resource: RFC 8693 exchange, RFC 9449 DPoP, private_key_jwt. */
import * as oauth from 'openid-client'
import type { AgentKey } from './key.ts'

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

export type Exchange = {
  delegationToken: string
  grantId: string
  /** The resource server (RFC 8707). */
  resource: string
  /** Position that the exchange must not be older than. */
  notBefore?: string
}

export type AccessToken = { value: string; resource: string; expiresAt: Date }

export type Tokens = {
  /** @throws openid-client ResponseBodyError with the OAuth error of the authorization server */
  exchange(wanted: Exchange): Promise<AccessToken>
  /** Calls a resource with token and a fresh proof. */
  call(token: AccessToken, method: string, url: string, body?: unknown): Promise<Response>
}

export async function openTokens(options: {
  issuer: string
  spiffeId: string
  key: AgentKey
  fetch: typeof fetch
}): Promise<Tokens> {
  const { key } = options
  const configuration = await oauth.discovery(
    new URL(options.issuer),
    options.spiffeId,
    { token_endpoint_auth_method: 'private_key_jwt', dpop_bound_access_tokens: true },
    oauth.PrivateKeyJwt(key.privateKey),
    { algorithm: 'oauth2', [oauth.customFetch]: options.fetch as oauth.CustomFetch },
  )
  const DPoP = oauth.getDPoPHandle(configuration, key)
  return {
    exchange: async ({ delegationToken, grantId, resource, notBefore }) => {
      const parameters = {
        subject_token: delegationToken,
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        resource,
        grant_id: grantId,
        ...(notBefore ? { not_before: notBefore } : {}),
      }
      const answer = await oauth.genericGrantRequest(configuration, TOKEN_EXCHANGE, parameters, { DPoP })
      const seconds = answer.expires_in ?? 0
      return { value: answer.access_token, resource, expiresAt: new Date(Date.now() + seconds * 1000) }
    },
    call: async (token, method, url, body) => {
      const headers = new Headers(body === undefined ? {} : { 'content-type': 'application/json' })
      const text = body === undefined ? undefined : JSON.stringify(body)
      try {
        return await oauth.fetchProtectedResource(configuration, token.value, new URL(url), method, text, headers, {
          DPoP,
        })
      } catch (error) {
        // A refusal is an answer: hand it back as it came.
        if (error instanceof oauth.WWWAuthenticateChallengeError) return error.response
        throw error
      }
    },
  }
}
