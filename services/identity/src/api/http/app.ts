/** What this service serves by HTTPS besides the engine's endpoints: keys, bundle, pages for people. */
import { Hono } from 'hono'
import type { Keys, Svids } from '../context.ts'
import { keysApp } from './keys.ts'

export function createApp(keys: Keys, svids: Svids): Hono {
  const app = new Hono()
  app.route('/', keysApp(keys, svids))
  app.notFound((context) =>
    context.json(
      {
        error: 'invalid_request',
        error_description: 'There is nothing here. See /.well-known/oauth-authorization-server',
      },
      404,
    ),
  )
  return app
}
