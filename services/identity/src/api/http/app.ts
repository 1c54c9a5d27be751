/** What this service serves by HTTPS besides the engine's endpoints: keys, bundle, pages for people. */
import { Hono } from 'hono'
import type { Keys } from '../context.ts'
import type { Env } from './pages/session.ts'

/** @param pages for people; undefined when nobody can sign in here */
export function createApp(keys: Keys, pages?: Hono<Env>): Hono {
  const app = new Hono()
  app.get('/jwks', (context) => context.json({ keys: keys.published('token').map((key) => ({ ...key, use: 'sig' })) }))
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
