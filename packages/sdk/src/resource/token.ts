/** The access token of a request to `node:http` (packages/shared/src/access-token), for one resource server. */
import type { IncomingMessage } from 'node:http'
import { createVerifyAccessToken, type VerifiedToken } from '@credence/shared/access-token/verify'

export { KeysUnavailable, TokenRefused } from '@credence/shared/access-token/refusal'
export type { VerifiedToken }

export type VerifyToken = (request: IncomingMessage) => Promise<VerifiedToken>

/**
 * @param options.audience this resource server's identifier: an absolute https URL. Proofs are compared with it, never with Host
 * @param options.issuer the identity service
 */
export function createVerifyToken(options: { audience: string; issuer: string; fetch: typeof fetch }): VerifyToken {
  const verify = createVerifyAccessToken(options)
  return async ({ method = 'GET', url = '/', headersDistinct: { authorization = [], dpop = [] } }) =>
    verify({ method, url: new URL(url, options.audience), authorization, dpop }, options.audience)
}
