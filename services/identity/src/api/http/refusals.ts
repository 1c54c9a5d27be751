/** Refusals of the OAuth endpoints: an OAuth error with the reason that goes into the record. */
import { errors } from 'oidc-provider'

export class Refused extends errors.CustomOIDCProviderError {
  readonly reason: string
  constructor(code: string, reason: string, description: string) {
    super(code, description)
    this.reason = reason
  }
}

/** Neither yes nor no: 503, and nothing was issued. */
export function unavailable(cause: unknown): Error {
  const error = new errors.CustomOIDCProviderError(
    'temporarily_unavailable',
    'Something that is needed does not answer; nothing was issued. Try again.',
  )
  return Object.assign(error, { status: 503, statusCode: 503, expose: true, cause })
}

/** Errors whose record was written where they were thrown. */
export const recorded = new WeakSet<object>()
