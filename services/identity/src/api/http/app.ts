/** What this service serves by HTTPS besides the engine's endpoints: keys, bundle, pages for people. */
import { Hono } from 'hono'
import type { Keys, Svids } from '../context.ts'
import { keysApp } from './keys.ts'
import type { Env } from './pages/session.ts'

/** @param pages for people; undefined when nobody can sign in here */
export function createApp(keys: Keys, svids: Svids, pages?: Hono<Env>): Hono {
  const app = new Hono()
  app.route('/', keysApp(keys, svids))
  if (pages) app.route('/', pages)
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
