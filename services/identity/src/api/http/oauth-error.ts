/** What the grants of ours refuse: told to the client in words that an answer may hold, and written down before it leaves. */
import { CredenceError } from '@credence/contracts/errors'
import type { IdentityFact } from '@credence/contracts/events/catalog'
import { messageOf } from '@credence/shared/log'
import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { Refusal } from '../../domain/exchange.ts'
import { Refused, recorded, unavailable } from './refusals.ts'
import { clientOf, type TokenParts } from './token-endpoint.ts'

export const refuse = (code: string, reason: string, description: string) => new Refused(code, reason, description)

export const invalidRequest = (reason: string, description: string) => refuse('invalid_request', reason, description)

export const refusalOf = ({ error, reason, description }: Refusal) => refuse(error, reason, description)

type Recording = Pick<TokenParts, 'principals' | 'writer' | 'spiffeId' | 'clock' | 'log'>

/** Records the refusal, then makes it what the engine shows. What cannot be recorded is 503, never a token. */
export async function asOAuthError(thrown: unknown, parts: Recording, ctx: KoaContextWithOIDC): Promise<Error> {
  const error = badInput(thrown) ?? thrown
  if (error instanceof CredenceError) {
    parts.log.warn('nothing issued', { reason: error.reason })
    return unavailable(error)
  }
  if (!(error instanceof errors.OIDCProviderError)) {
    parts.log.error('token endpoint failed', { error: messageOf(error) })
    return error as Error
  }
  if (error.status >= 500) return error
  try {
    await record(parts, ctx, error.error, error instanceof Refused ? error.reason : error.error)
  } catch (failure) {
    return unavailable(failure)
  }
  recorded.add(error)
  return error
}

async function record(parts: Recording, ctx: KoaContextWithOIDC, error: string, reason: string): Promise<void> {
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
