/** The one HTTPS door: refuses other names and large bodies, then hands a request to the engine or to our own pages. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import type { Provider } from 'oidc-provider'

/** What of the engine is reachable from outside. */
const ENGINE: Record<string, string[]> = {
  '/token': ['POST'],
  '/introspect': ['POST'],
  '/revoke': ['POST'],
  '/.well-known/oauth-authorization-server': ['GET', 'HEAD'],
}

export function oauthListener(provider: Provider, app: Hono, issuer: string): RequestListener {
  const engine = provider.callback()
  const own = getRequestListener(app.fetch, { hostname: new URL(issuer).host })
  const host = new URL(issuer).host
  return (request, response) => {
    const path = request.url?.split('?')[0] ?? '/'
    if (request.headers.host !== host) return refuse(response, 421, 'This server has another name.')
    if (tooLarge(request)) return refuse(response, 413, 'At most 56 KiB are allowed.')
    const methods = ENGINE[path]
    if (!methods) return void own(request, response)
    if (!methods.includes(request.method ?? '')) return refuse(response, 405, `Allowed: ${methods.join(', ')}`)
    engine(request, response)
  }
}

const MAX_BYTES = 56 * 1024
const tooLarge = (request: IncomingMessage) => Number(request.headers['content-length'] ?? 0) > MAX_BYTES

function refuse(response: ServerResponse, status: number, description: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', connection: 'close' })
  response.end(JSON.stringify({ error: 'invalid_request', error_description: description }))
}
