/** A request to a resource whose credentials do not let it in. */
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

export const invalidToken = (message: string): TokenRefused => new TokenRefused('invalid_token', message)
export const invalidProof = (message: string): TokenRefused => new TokenRefused('invalid_dpop_proof', message)
