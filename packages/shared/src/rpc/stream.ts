/** Long calls: many answers to one request, or to many. Every write waits for its drain, and a caller who leaves is noticed. */
import { once } from 'node:events'
import { CredenceError } from '@credence/contracts/errors'
import type { ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js'
import type { z } from 'zod'
import type { Access, Caller } from '../callers/caller.ts'
import { parseRequest } from './parse.ts'

export type Outlet<Response> = {
  /** Resolves when the caller can take more. @throws CredenceError `aborted` once the caller has left */
  send(message: Response): Promise<void>
  /** Aborted when the caller has left, or the service stops. */
  left: AbortSignal
}

export type StreamMethod<Response, Input> = {
  allow: readonly Access[]
  input: z.ZodType<Input>
  /** One input where the method takes one request. One that does not parse ends the call, with the field named. */
  stream: (inputs: AsyncIterable<Input>, caller: Caller, out: Outlet<Response>) => Promise<void>
}

/** Keeps the input's type between schema and handler. */
export const streamMethod = <Response, Input>(one: StreamMethod<Response, Input>): StreamMethod<Response, Input> => one

export type StreamCall = ServerWritableStream<Buffer, unknown> | ServerDuplexStream<Buffer, unknown>

export function outletOf(call: StreamCall): Outlet<unknown> {
  const leaving = new AbortController()
  const leave = () => leaving.abort()
  for (const event of ['cancelled', 'close', 'error']) call.once(event, leave)
  return {
    left: leaving.signal,
    send: async (message) => {
      if (leaving.signal.aborted) throw gone()
      if (call.write(message)) return
      await once(call, 'drain', { signal: leaving.signal }).catch(() => {
        throw gone()
      })
    },
  }
}

const gone = () => new CredenceError('aborted', 'caller_left', 'The caller has left.')

/** The requests of a call, parsed one by one; nothing is read ahead of what is asked for. */
export async function* inputsOf<Input>(
  call: StreamCall,
  decode: (bytes: Buffer) => unknown,
  schema: z.ZodType<Input>,
): AsyncIterable<Input> {
  if ('request' in call && call.request) yield parseRequest(call.request, decode, schema)
  else for await (const bytes of call as AsyncIterable<Buffer>) yield parseRequest(bytes, decode, schema)
}
