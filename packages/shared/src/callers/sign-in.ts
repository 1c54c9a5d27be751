/** What a token says of how and when its person signed in. */
import { SignIn } from '@credence/contracts/events/identity'

/**
 * Reads `acr`, `amr` and `auth_time` (OpenID Connect Core 1.0 §2; in access tokens RFC 9068 §2.2.1).
 * @param claims of a token that was verified
 * @returns undefined when it does not say when, or says so in a form that is none: a strength without an age means nothing
 */
export function readSignIn(claims: {
  acr?: unknown
  amr?: unknown
  auth_time?: unknown
  iat?: unknown
}): SignIn | undefined {
  const { acr, amr, auth_time: time, iat } = claims
  if (!isSeconds(time) || !isSeconds(iat) || time > iat) return undefined
  const read = SignIn.safeParse({
    ...(acr === undefined ? {} : { acr }),
    ...(amr === undefined ? {} : { amr }),
    at: new Date(time * 1000).toISOString(),
  })
  return read.data
}

const isSeconds = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0 && value < 1e11
