/** Public keys for all who verify what we sign: a JWK Set (RFC 7517 §5) of tokens, and the SPIFFE bundle (profile https_web). */
import { Hono } from 'hono'
import type { Keys, Svids } from '../context.ts'

export function keysApp(keys: Keys, svids: Svids): Hono {
  const app = new Hono()
  // Far less than the time that a new key is published before it signs.
  const fresh = { 'cache-control': `public, max-age=${Math.min(300, Math.floor(keys.leadSeconds / 4))}` }
  const signing = () => keys.published('token').map((key) => ({ ...key, use: 'sig' }))
  app.get('/jwks', (context) => context.json({ keys: signing() }, 200, fresh))
  app.get('/spiffe/bundle', (context) => context.json(svids.bundle().document, 200, fresh))
  return app
}
