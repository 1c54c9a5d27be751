/** Refusals at the OAuth endpoints: an error that the client is shown, and a reason that goes into the record. */
import { CredenceError } from '@credence/contracts/errors'
import type { IdentityFact } from '@credence/contracts/events/catalog'
import { messageOf } from '@credence/shared/log'
import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { Refusal } from '../../domain/exchange.ts'
import { clientOf, type TokenParts } from './token-endpoint.ts'

/** An error that the engine will show: code, description, and the reason that goes into the record. */
export class Refused extends Error {
  readonly code: string
  readonly reason: string
  constructor(code: string, reason: string, description: string) {
    super(printable(description))
    this.code = code
    this.reason = reason
  }
}

/** RFC 6749 §5.2: what an error_description may hold. */
const printable = (text: string) =>
  text
    .replaceAll('’', "'")
    .replaceAll('"', "'")
    .replace(/[^\x20-\x5b\x5d-\x7e]/g, '?')
    .slice(0, 500)

export const invalidRequest = (reason: string, description: string) =>
  new Refused('invalid_request', reason, description)

export const refusalOf = ({ error, reason, description }: Refusal) => new Refused(error, reason, description)

type Recording = Pick<TokenParts, 'principals' | 'writer' | 'spiffeId' | 'clock' | 'log'>

/** Records the refusal, then makes it what the engine shows. What cannot be recorded is 503, never a token. */
export async function asOAuthError(thrown: unknown, parts: Recording, ctx: KoaContextWithOIDC): Promise<Error> {
  const error = badInput(thrown) ?? thrown
  if (error instanceof CredenceError) {
    parts.log.warn('no token', { reason: error.reason })
    return unavailable(error)
  }
  const shown = error instanceof Refused || error instanceof errors.OIDCProviderError
  if (!shown) {
    parts.log.error('token endpoint failed', { error: messageOf(error) })
    return error as Error
  }
  const code = error instanceof Refused ? error.code : error.error
  const reason = error instanceof Refused ? error.reason : error.error
  try {
    await recordRefusal(parts, ctx, code, reason)
  } catch (failure) {
    return unavailable(failure)
  }
  return error instanceof Refused ? new errors.CustomOIDCProviderError(code, error.message) : error
}

async function recordRefusal(parts: Recording, ctx: KoaContextWithOIDC, error: string, reason: string): Promise<void> {
  const agent = parts.principals.bySpiffeId(clientOf(ctx))
  if (!agent) return
  const { resource, grant_id } = ctx.oidc.params as Record<string, unknown>
  const data = { agent: agent.agent, audience: clip(resource), grant: grantId(grant_id), error, reason }
  const refused: IdentityFact = { type: 'credence.identity.token.refused.v1', data }
  const about = { actor: { kind: 'workload' as const, id: parts.spiffeId }, now: parts.clock() }
  await parts.writer.record(`credence.identity.token.${agent.agent}`, [refused], about)
}

const badInput = (thrown: unknown): Refused | undefined =>
  thrown instanceof CredenceError && thrown.status === 'invalid_argument'
    ? invalidRequest(thrown.reason, thrown.message)
    : undefined

const clip = (value: unknown) => (typeof value === 'string' ? value.slice(0, 256) : undefined)
const grantId = (value: unknown) =>
  typeof value === 'string' && /^grt_[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(value) ? value : undefined

/** RFC 6749 §4.1.2.1 has the code, RFC 9110 §15.6.4 the status. */
export function unavailable(cause: unknown): Error {
  const error = new errors.CustomOIDCProviderError(
    'temporarily_unavailable',
    'Something that is needed does not answer, and nothing was issued. Try again.',
  )
  return Object.assign(error, { status: 503, statusCode: 503, expose: true, cause })
}
