/** What a person sees when an authorization request is wrong and nobody can be told by redirect (RFC 6749 §4.1.2.1). */
import { html } from 'hono/html'
import type { KoaContextWithOIDC } from 'oidc-provider'

export async function errorPage(ctx: KoaContextWithOIDC, out: { error: string; error_description?: string }) {
  ctx.type = 'html'
  ctx.set('cache-control', 'no-store')
  ctx.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
  ctx.set('x-content-type-options', 'nosniff')
  ctx.set('referrer-policy', 'no-referrer')
  const why = out.error_description ?? out.error
  ctx.body = String(
    await html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>This request cannot be shown</title></head>
<body><main><h1>This request cannot be shown</h1><p>${why}</p>
<p>Nothing was given to anybody. If an agent sent you here, let it ask again.</p></main></body>
</html>`,
  )
}
