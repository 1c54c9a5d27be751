/** What of the engine is reachable from outside: token endpoint, keys, metadata. Everything else is not there. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'

const SERVED: Record<string, string[]> = {
  '/token': ['POST'],
  '/jwks': ['GET', 'HEAD'],
  '/.well-known/oauth-authorization-server': ['GET', 'HEAD'],
}

export function oauthListener(provider: Provider, issuer: string): RequestListener {
  const engine = provider.callback()
  const host = new URL(issuer).host
  return (request, response) => {
    const path = request.url?.split('?')[0] ?? '/'
    if (request.headers.host !== host) return refuse(response, 421, 'This server has another name.')
    const methods = SERVED[path]
    if (!methods) return refuse(response, 404, 'There is nothing here. See /.well-known/oauth-authorization-server')
    if (!methods.includes(request.method ?? '')) return refuse(response, 405, `Allowed: ${methods.join(', ')}`)
    if (tooLarge(request)) return refuse(response, 413, 'At most 56 KiB are allowed.')
    engine(request, response)
  }
}

const MAX_BYTES = 56 * 1024
const tooLarge = (request: IncomingMessage) => Number(request.headers['content-length'] ?? 0) > MAX_BYTES

function refuse(response: ServerResponse, status: number, description: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', connection: 'close' })
  response.end(JSON.stringify({ error: 'invalid_request', error_description: description }))
}
