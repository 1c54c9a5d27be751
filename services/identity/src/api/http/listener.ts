/**
 * The one HTTPS door: refuses other names, large bodies and floods, finds out who a client is that shows an SVID, and
 * hands the request to the engine or to our own pages. Machines get JSON, whatever they accept.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { spiffeIdOf } from '@credence/shared/rpc/tls'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { decodeJwt } from 'jose'
import { errors, type Provider } from 'oidc-provider'
import type { Principals } from '../../projections/principals.ts'
import { proveBySvid, remember, type SvidParts } from './client-authentication.ts'
import { type Limits, sourceOf, TOO_MANY } from './limits.ts'
import type { Refusal, Refusals } from './refusals.ts'
import { MAX_BYTES, readBody, withBody } from './request-body.ts'

/** What of the engine is reachable from outside, by whom: agents send forms and get JSON, people are led by redirects. */
const ENDPOINTS: { path: RegExp; methods: string[]; form: boolean }[] = [
  { path: /^\/(token|par|introspect|revoke|challenge)$/, methods: ['POST'], form: true },
  { path: /^\/\.well-known\/oauth-authorization-server$/, methods: ['GET', 'HEAD'], form: false },
  { path: /^\/authorize(\/[\w-]{1,64})?$/, methods: ['GET'], form: false },
]

export type ListenerParts = SvidParts & {
  principals: Principals
  limits: Limits
  refusals: Refusals
}

export function oauthListener(provider: Provider, app: Hono, parts: ListenerParts): RequestListener {
  const engine = provider.callback()
  const host = new URL(parts.issuer).host
  const own = getRequestListener(app.fetch, { hostname: host })
  return (request, response) => {
    const path = request.url?.split('?')[0] ?? '/'
    if (request.headers.host !== host) return refuse(response, 421, 'This server has another name.')
    if (Number(request.headers['content-length'] ?? 0) > MAX_BYTES) return refuse(response, 413, TOO_LARGE)
    const endpoint = ENDPOINTS.find((one) => one.path.test(path))
    if (!endpoint) return void own(request, response)
    const { methods, form } = endpoint
    if (!methods.includes(request.method ?? ''))
      return refuse(response, 405, `Allowed: ${methods.join(', ')}`, { allow: methods.join(', ') })
    if (!form) return void engine(request, response)
    request.headers.accept = 'application/json'
    handleForm(parts, request, response).then(
      (ready) => ready && engine(ready, response),
      () => refuse(response, 400, 'The request broke off.'),
    )
  }
}

const TOO_LARGE = `At most ${MAX_BYTES / 1024} KiB are allowed.`

/** @returns the request for the engine; undefined when it was answered */
async function handleForm(parts: ListenerParts, request: IncomingMessage, response: ServerResponse) {
  const body = await readBody(request)
  if (!body) return void refuse(response, 413, TOO_LARGE)
  const form = new URLSearchParams(body.toString('latin1'))
  const claimed = claimedClient(form, request)
  // All unknown names of an address are one client: names cost nothing.
  const client = parts.principals.bySpiffeId(claimed) ? claimed : ''
  const wait = isWorkload(request) ? undefined : await parts.limits.tooMany('source', sourceOf(request), client)
  if (wait !== undefined) {
    const refusal = { client, error: UNAVAILABLE, reason: 'rate_limited' }
    return void (await tell(parts, response, refusal, 429, TOO_MANY, { 'retry-after': String(wait) }))
  }
  try {
    const proved = await proveBySvid(parts, request, form)
    const ready = withBody(request, proved.client ? Buffer.from(form.toString()) : body)
    remember(ready, proved)
    return ready
  } catch (error) {
    if (!(error instanceof errors.OIDCProviderError)) return void refuse(response, 503, AWAY, {}, UNAVAILABLE)
    const { reason } = error as { reason?: string }
    const refusal = { client: claimed, error: error.error, reason: reason ?? error.error }
    return void (await tell(parts, response, refusal, error.status, error.error_description ?? ''))
  }
}

const AWAY = 'Something that is needed does not answer; nothing was issued. Try again.'
const UNAVAILABLE = 'temporarily_unavailable'

/** A service or enforcement point, by a certificate that TLS has verified: it asks as often as it has to. */
function isWorkload({ socket }: IncomingMessage): boolean {
  const { authorized, getPeerCertificate } = socket as TLSSocket
  const id = authorized ? spiffeIdOf(getPeerCertificate.call(socket)) : undefined
  return id !== undefined && !id.split('/').slice(3).includes('agent')
}

/** The name that a client gives itself, before anything is checked. */
function claimedClient(form: URLSearchParams, { headers }: IncomingMessage): string {
  const token = form.get('client_assertion') ?? headers['oauth-client-attestation']
  return form.get('client_id') || (typeof token === 'string' ? subjectIn(token) : '')
}

function subjectIn(token: string): string {
  try {
    return decodeJwt(token).sub ?? ''
  } catch {
    return ''
  }
}

type Headers = Record<string, string>

/** Records a refusal, then says it. */
async function tell(
  parts: ListenerParts,
  response: ServerResponse,
  refusal: Refusal,
  status: number,
  description: string,
  headers: Headers = {},
): Promise<void> {
  try {
    await parts.refusals.record(refusal)
    refuse(response, status, description, headers, refusal.error)
  } catch {
    refuse(response, 503, AWAY, {}, UNAVAILABLE)
  }
}

function refuse(
  response: ServerResponse,
  status: number,
  description: string,
  headers: Headers = {},
  error = 'invalid_request',
): void {
  const close = status === 413 || status === 421 ? { connection: 'close' } : {}
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...close, ...headers })
  response.end(JSON.stringify({ error, error_description: description }))
}
