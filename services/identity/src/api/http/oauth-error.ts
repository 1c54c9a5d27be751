/** What the grants of ours refuse: told to the client in words that an answer may hold, and written down before it leaves. */
import { CredenceError } from '@credence/contracts/errors'
import { messageOf } from '@credence/shared/log'
import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { Refusal } from '../../domain/exchange.ts'
import { Refused, recorded, targetOf, unavailable } from './refusals.ts'
import { clientOf, type TokenParts } from './token-endpoint.ts'

export const refuse = (code: string, reason: string, description: string) => new Refused(code, reason, description)

export const invalidRequest = (reason: string, description: string) => refuse('invalid_request', reason, description)

export const refusalOf = ({ error, reason, description }: Refusal) => refuse(error, reason, description)

type Recording = Pick<TokenParts, 'principals' | 'refusals' | 'log'>

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
  const about = { agent: agent.agent, client: clientOf(ctx), error, reason }
  await parts.refusals.record({ ...about, ...targetOf(ctx.oidc.params as Record<string, unknown>) })
}

const badInput = (thrown: unknown): Refused | undefined =>
  thrown instanceof CredenceError && thrown.status === 'invalid_argument'
    ? invalidRequest(thrown.reason, thrown.message)
    : undefined
