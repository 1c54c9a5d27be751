/** The body of a form request: read once, counted while it comes, and given on to the engine as it was. */
import { IncomingMessage } from 'node:http'

export const MAX_BYTES = 56 * 1024

/** @returns undefined when there is more than is allowed */
export async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BYTES) return undefined
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += (chunk as Buffer).length
    if (size > MAX_BYTES) return undefined
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks, size)
}

/** The same request with this body. */
export function withBody(request: IncomingMessage, body: Buffer): IncomingMessage {
  const again = new IncomingMessage(request.socket)
  again.method = request.method
  again.url = request.url
  again.httpVersion = request.httpVersion
  again.httpVersionMajor = request.httpVersionMajor
  again.httpVersionMinor = request.httpVersionMinor
  again.rawHeaders = request.rawHeaders
  again.headers = { ...request.headers, 'content-length': String(body.length) }
  // There is nothing more to come: the end of this one must not end the connection.
  again.complete = true
  again.push(body)
  again.push(null)
  return again
}
