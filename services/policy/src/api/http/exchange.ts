/** One request and its answer on the wire: headers that we read, the body, and one write per answer. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { CredenceError, type Status } from '@credence/contracts/errors'

export type Heads = {
  authorization: string | undefined
  contentType: string | undefined
  /** Authorization API 1.0 §request-identification: given back as it came; empty when it cannot be. */
  requestId: string
  /** `credence-details: true`, for callers that cannot add to the body. */
  details: boolean
  /** Bytes of the body that are still to come; infinite when they come in chunks. */
  length: number
}

const REQUEST_ID = /^[\x20-\x7e]{1,128}$/

export const noHeads = (): Heads => ({
  authorization: undefined,
  contentType: undefined,
  requestId: '',
  details: false,
  length: 0,
})

/**
 * From the headers as they came, in one pass: making an object of all of them costs more than all that we do.
 * @param heads is filled
 * @throws CredenceError `invalid_argument` for one that stands there twice
 */
export function readHeads(raw: readonly string[], heads: Heads): void {
  let ids = 0
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string
    const { length } = name
    if (length < 12 || length > 17) continue
    const value = raw[at + 1] as string
    switch (name.toLowerCase()) {
      case 'authorization':
        if (heads.authorization !== undefined) throw twice(name)
        heads.authorization = value
        break
      case 'content-type':
        if (heads.contentType !== undefined) throw twice(name)
        heads.contentType = value
        break
      case 'x-request-id':
        ids++
        heads.requestId = ids === 1 && REQUEST_ID.test(value) ? value : ''
        break
      case 'credence-details':
        heads.details = value === 'true'
        break
      case 'content-length':
        heads.length = Number(value)
        break
      case 'transfer-encoding':
        heads.length = Number.POSITIVE_INFINITY
    }
  }
}

const twice = (name: string) =>
  new CredenceError('invalid_argument', 'header_repeated', `${name.toLowerCase()}: send this header once.`)

/** RFC 8259 has no other charset; parameters say nothing. */
export const isJson = (contentType: string | undefined): boolean =>
  contentType === 'application/json' || /^application\/json\s*(;.*)?$/i.test(contentType ?? '')

const tooLarge = (limit: number) =>
  new CredenceError('invalid_argument', 'body_too_large', `The body is larger than ${limit} bytes.`)

/**
 * The whole body.
 * @param length as it was said
 * @param done is called once: with `invalid_argument`, `body_too_large`, or with `unavailable` when the client goes away
 */
export function readBody(
  request: IncomingMessage,
  length: number,
  limit: number,
  done: (error: CredenceError | undefined, body: Buffer) => void,
): void {
  if (length > limit && length !== Number.POSITIVE_INFINITY) {
    done(tooLarge(limit), EMPTY)
    return
  }
  let over = false
  const end = (error: CredenceError | undefined, body: Buffer) => {
    if (over) return
    over = true
    done(error, body)
  }
  let first: Buffer | undefined
  let more: Buffer[] | undefined
  let size = 0
  request.on('data', (chunk: Buffer) => {
    size += chunk.length
    // Nearly all come in one piece, and nothing has to be waited for then.
    if (size === length && !first && size <= limit) return end(undefined, chunk)
    if (size > limit) {
      request.pause()
      return end(tooLarge(limit), EMPTY)
    }
    if (!first) first = chunk
    else {
      more ??= [first]
      more.push(chunk)
    }
  })
  request.on('end', () => end(undefined, more ? Buffer.concat(more, size) : (first ?? EMPTY)))
  request.on('close', () => {
    if (!over && !request.complete) end(gone(), EMPTY)
  })
}

const EMPTY = Buffer.alloc(0)
const gone = () => new CredenceError('unavailable', 'client_gone', 'The client went away.')

export type Reply = { status: number; text: string; type?: string; cache?: string; headers?: readonly string[] }

const JSON_TYPE = 'application/json'
/** Bytes. Whoever is cut off while sending may not hear why. */
const PASSED_OVER = 64 * 1024

/** Headers and body leave in one write, with the exact length. */
export function send(response: ServerResponse, { requestId, length }: Heads, reply: Reply): void {
  const { status, text, type = JSON_TYPE, cache = 'no-store', headers } = reply
  const size = String(Buffer.byteLength(text))
  const heads = ['content-type', type, 'content-length', size, 'cache-control', cache]
  if (requestId !== '') heads.push('x-request-id', requestId)
  if (headers) heads.push(...headers)
  // A little that we did not read is passed over by the server; more must not be waited for.
  if (length > PASSED_OVER && !response.req.complete) heads.push('connection', 'close')
  response.writeHead(status, heads)
  response.end(text)
}

const STATUS: Record<Status, number> = {
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  failed_precondition: 409,
  aborted: 409,
  resource_exhausted: 429,
  deadline_exceeded: 503,
  unavailable: 503,
  internal: 500,
}
const HIDDEN = 'Something went wrong here; the log of the service has it.'

/** Authorization API 1.0 §error-responses: a status that says what is wrong with the request, and a sentence. No decision. */
export function refusal(error: unknown, realm: string): Reply {
  const known = error instanceof CredenceError && error.status !== 'internal' ? error : undefined
  const status = statusOf(known)
  const headers: string[] = []
  if (status === 401) headers.push('www-authenticate', challenge(realm, known))
  if (status === 503 || status === 429) headers.push('retry-after', '1')
  return { status, text: known?.message ?? HIDDEN, type: 'text/plain; charset=utf-8', headers }
}

export function statusOf(known: CredenceError | undefined): number {
  if (known?.reason === 'body_too_large') return 413
  return known ? STATUS[known.status] : 500
}

/** RFC 6750 §3: no error code when nothing was sent. */
const challenge = (realm: string, error: CredenceError | undefined): string =>
  `Bearer realm="${realm}"${error?.reason === 'no_credential' ? '' : ', error="invalid_token"'}`
