/**
 * The engine refuses to introspect or revoke JWTs (it keeps none), and says so once it has authenticated the client.
 * That is where we take over, so that every way of client authentication that it knows serves these endpoints too.
 */
import type { EventEmitter } from 'node:events'
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'

export type Answer = { status: number; body: object | string }
export type Take = (ctx: KoaContextWithOIDC, token: string) => Promise<Answer>

/** @param route the engine’s name of the endpoint */
export function takeOver(provider: Provider, route: 'introspection' | 'revocation', take: Take): void {
  const refused = new WeakSet<object>()
  // Told at once and in the same turn (EventEmitter), before the engine’s answer reaches us.
  ;(provider as EventEmitter).on(`${route}.error`, (ctx: object, error: Error) => {
    if (error instanceof errors.UnsupportedTokenType) refused.add(ctx)
  })
  provider.use(async (ctx, next) => {
    await next()
    if (!refused.has(ctx)) return
    const { token } = (ctx as KoaContextWithOIDC).oidc.params as { token: string }
    const { status, body } = await take(ctx as KoaContextWithOIDC, token)
    ctx.status = status
    ctx.body = body
    ctx.set('cache-control', 'no-store')
  })
}
