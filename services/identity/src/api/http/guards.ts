/** What stands before every grant and after every answer of the engine. */
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import type { Principals } from '../../projections/principals.ts'
import { isAuthenticated } from './client-authentication.ts'
import { type Limits, withinLimit } from './limits.ts'
import { checkProof, freshAssertion, type ProofParts } from './proofs.ts'
import { type Refusals, recorded, targetOf, unavailable } from './refusals.ts'

type Handler = (ctx: KoaContextWithOIDC) => Promise<void>

/**
 * Every grant that is registered from here on: the client is within its limit, its assertion counts for the first time,
 * and a proof that was sent is good. Single use of assertion and proof are asked for at the same time.
 * @param grantTypes gets the name of each, for metadata and clients
 */
export function guardGrants(provider: Provider, parts: ProofParts & { limits: Limits }, grantTypes: Set<string>): void {
  const register = provider.registerGrantType.bind(provider)
  const guarded = (handler: Handler): Handler => {
    return async (ctx) => {
      await withinLimit(parts.limits, ctx)
      const proof = ctx.get('dpop') ? checkProof(provider, parts, ctx) : undefined
      proof?.catch(() => undefined)
      await freshAssertion(ctx)
      await proof
      await handler(ctx)
    }
  }
  provider.registerGrantType = (name, handler, ...rest) => {
    grantTypes.add(name)
    return register(name, guarded(handler as unknown as Handler) as never, ...rest)
  }
}

const EVENTS = [
  'grant.error',
  'pushed_authorization_request.error',
  'authorization.error',
  'introspection.error',
  'revocation.error',
  'challenge.error',
]

type Thrown = Error & { error?: string; reason?: string; error_detail?: string; status?: number }

/** Writes a refusal down before it leaves. What cannot be written down is 503. */
export function recordRefusals(provider: Provider, parts: { refusals: Refusals; principals: Principals }): void {
  const thrown = new WeakMap<object, Thrown>()
  for (const event of EVENTS)
    provider.on(event as 'grant.error', (ctx, error) => void thrown.set(ctx, error as unknown as Thrown))
  provider.use(async (ctx, next) => {
    await next()
    const error = thrown.get(ctx)
    if (!error || recorded.has(error) || (error.status ?? 500) >= 500) return
    // The engine keeps no JWTs and says so; that is where we answer (structured-tokens.ts).
    if (error instanceof errors.UnsupportedTokenType) return
    try {
      await parts.refusals.record(refusalOf(ctx as unknown as KoaContextWithOIDC, error, parts.principals))
    } catch (failure) {
      const { status, error: code, error_description } = unavailable(failure) as Thrown & { error_description: string }
      ctx.status = status ?? 503
      ctx.remove('location')
      ctx.body = { error: code, error_description }
    }
  })
}

function refusalOf(ctx: KoaContextWithOIDC, error: Thrown, principals: Principals) {
  const parameters = (ctx.oidc.params ?? {}) as Record<string, unknown>
  const client = ctx.oidc.client?.clientId ?? parameters.client_id
  const name = typeof client === 'string' ? client : ''
  const agent = principals.bySpiffeId(name)?.agent
  if (error.error === 'access_denied') return { agent, client: name, error: error.error, reason: declinedBy(ctx) }
  return {
    // An assertion that somebody sends again proves nothing, good as its signature is.
    agent: isAuthenticated(ctx) && error.error !== 'invalid_client' ? agent : undefined,
    client: name,
    error: error.error ?? 'invalid_request',
    reason: error.reason ?? REASONS[error.error_detail ?? ''] ?? error.error ?? 'invalid_request',
    ...targetOf(parameters),
  }
}

/** Only a request that its agent pushed is ever shown to a person, so it is known whose was declined. */
function declinedBy(ctx: KoaContextWithOIDC): string {
  const { result } = (ctx.oidc.entities.Interaction ?? {}) as { result?: { reported?: boolean } }
  return result?.reported ? 'declined_and_reported' : 'declined'
}

/** What the engine says in its own words, as codes that stay. */
const REASONS: Record<string, string> = {
  'client not found': 'client_unknown',
  'alg mismatch': 'algorithm_mismatch',
  'signature verification failed': 'signature_mismatch',
  'jwt expired': 'assertion_expired',
  'aud must be the issuer, as one string': 'audience_mismatch',
  'audience (aud) must equal the endpoint url, issuer identifier or token endpoint url': 'audience_mismatch',
  'list of audience (aud) must include the endpoint url, issuer identifier or token endpoint url': 'audience_mismatch',
  'exp is too far away': 'assertion_too_long',
  'the provided authentication mechanism does not match the registered client authentication method':
    'not_authenticated',
}
