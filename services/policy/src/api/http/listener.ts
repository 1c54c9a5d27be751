/** Requests of enforcement points to their routes. Who asks is known before a body is read. */
import type { IncomingMessage, RequestListener } from 'node:http'
import { CredenceError, invalid } from '@credence/contracts/errors'
import { type Log, messageOf } from '@credence/shared/log'
import type { EnforcementPoints } from './enforcement-points.ts'
import { evaluate, evaluateAll } from './evaluations.ts'
import { type Heads, isJson, noHeads, type Reply, readBody, readHeads, refusal, send } from './exchange.ts'
import { metadataOf, PATHS } from './metadata.ts'
import { openApiOf } from './openapi.ts'
import type { Call, Parts } from './parts.ts'
import { readRequest, submitRequest } from './requests.ts'
import { searchActions, searchResources, searchSubjects } from './search.ts'

const KIB = 1024
/** Bytes of one question, and of many. */
const ONE = 64 * KIB
const MANY = 1024 * KIB

type Route =
  | { method: 'GET'; document: string }
  | { method: 'GET' | 'POST'; limit: number; handle: (parts: Parts, call: Call) => Promise<Reply | string> }

function routesOf(parts: Parts): Map<string, Route> {
  const post = (handle: (parts: Parts, call: Call) => Promise<Reply | string>, limit = ONE): Route => ({
    method: 'POST',
    limit,
    handle,
  })
  return new Map<string, Route>([
    [PATHS.evaluation, post(evaluate)],
    [PATHS.evaluations, post(evaluateAll, MANY)],
    [PATHS.searchSubject, post(searchSubjects)],
    [PATHS.searchResource, post(searchResources)],
    [PATHS.searchAction, post(searchActions)],
    [PATHS.requests, post(submitRequest)],
    [PATHS.metadata, { method: 'GET', document: JSON.stringify(metadataOf(parts)) }],
    [PATHS.openapi, { method: 'GET', document: JSON.stringify(openApiOf(parts)) }],
  ])
}

const READ_REQUEST: Route = { method: 'GET', limit: 0, handle: readRequest }

export function authzenListener(parts: Parts, points: EnforcementPoints, log: Log): RequestListener {
  const routes = routesOf(parts)

  /** Without a promise where none is needed: most requests come on a connection, or with a token, that is known. */
  function handle(
    route: Exclude<Route, { document: string }>,
    request: IncomingMessage,
    heads: Heads,
    rest: string,
    reply: (reply: Reply | string) => void,
    fail: (error: unknown) => void,
  ): void {
    const known = points.of(request, heads.authorization)
    // Told at once, before the body is here; and heard by somebody, since a rejection that nobody hears ends the process.
    if (typeof known !== 'string') known.catch(fail)
    const { requestId, details } = heads
    const run = (id: string, body: Buffer) => {
      const asker = { id, address: request.socket.remoteAddress ?? '', protocol: 'authzen' as const }
      try {
        if (route.method === 'POST' && !isJson(heads.contentType))
          throw invalid('content-type', 'must be application/json')
        route.handle(parts, { asker, body, requestId, details, rest }).then(reply, fail)
      } catch (error) {
        fail(error)
      }
    }
    readBody(request, heads.length, route.limit, (error, body) => {
      if (error) return fail(error)
      heads.length = 0
      if (typeof known === 'string') run(known, body)
      else known.then((id) => run(id, body)).catch(() => undefined)
    })
  }

  return (request, response) => {
    const heads = noHeads()
    const answer = (reply: Reply | string) => {
      if (!response.destroyed && !response.headersSent)
        send(response, heads, typeof reply === 'string' ? { status: 200, text: reply } : reply)
    }
    const fail = (error: unknown) => {
      if (!(error instanceof CredenceError) || error.status === 'internal')
        log.error('call failed', { method: pathOf(request.url).path.slice(0, 64), error: messageOf(error) })
      answer(refusal(error, parts.url))
    }
    try {
      readHeads(request.rawHeaders, heads)
      const { path, rest } = pathOf(request.url)
      const route = rest === '' ? routes.get(path) : READ_REQUEST
      if (!route) return answer(NOT_FOUND)
      const isDocument = 'document' in route
      if (request.method !== route.method && !(isDocument && request.method === 'HEAD'))
        return answer(notAllowed(route.method))
      if (isDocument) return answer({ status: 200, text: route.document, cache: PUBLIC })
      handle(route, request, heads, rest, answer, fail)
    } catch (error) {
      fail(error)
    }
  }
}

/** @returns the path without its query, and what follows `/access/v1/requests/` */
function pathOf(url = ''): { path: string; rest: string } {
  const query = url.indexOf('?')
  const path = query < 0 ? url : url.slice(0, query)
  const below = `${PATHS.requests}/`
  return path.startsWith(below) ? { path, rest: path.slice(below.length) } : { path, rest: '' }
}

const TEXT = 'text/plain; charset=utf-8'
const PUBLIC = 'public, max-age=300'
const NOT_FOUND: Reply = {
  status: 404,
  type: TEXT,
  text: `There is nothing here. See ${PATHS.metadata} and ${PATHS.openapi}.`,
}
const notAllowed = (method: string): Reply => ({
  status: 405,
  type: TEXT,
  text: `Use ${method}.`,
  headers: ['allow', method],
})
