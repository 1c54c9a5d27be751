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
  let draining: Promise<void> | undefined
  /** However many wait, they wait for the same drain. */
  const drained = (): Promise<void> => {
    draining ??= once(call, 'drain', { signal: leaving.signal }).then(
      () => {
        draining = undefined
      },
      () => {
        throw gone()
      },
    )
    return draining
  }
  return {
    left: leaving.signal,
    send: async (message) => {
      if (leaving.signal.aborted) throw gone()
      if (call.writableNeedDrain) await drained()
      if (!call.write(message)) await drained()
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
  if ('request' in call && call.request) {
    yield parseRequest(call.request, decode, schema)
    return
  }
  // A request that is refused must not destroy the call: what was done before it is still told.
  const received = (call as ServerDuplexStream<Buffer, unknown>).iterator({ destroyOnReturn: false })
  for (;;) {
    const next = await received.next().catch(() => {
      throw gone()
    })
    if (next.done) return
    yield parseRequest(next.value, decode, schema)
  }
}

/**
 * Works on inputs as they come, on so many at once and no more; while all are busy nothing is taken. Ends when all are
 * done; the first failure (of the inputs, or of the work) ends the taking, and is thrown once what was begun is done.
 */
export async function eachAtOnce<Input>(
  inputs: AsyncIterable<Input>,
  most: number,
  work: (input: Input) => Promise<void>,
): Promise<void> {
  let busy = 0
  /** Somebody waits until another is done: with hundreds at work a race of all their promises would cost more than the work. */
  let noticed: (() => void) | undefined
  const oneIsDone = () =>
    new Promise<void>((resolve) => {
      noticed = resolve
    })
  const failures: unknown[] = []
  const begin = (input: Input) => {
    busy++
    work(input)
      .catch((error) => void failures.push(error))
      .finally(() => {
        busy--
        noticed?.()
        noticed = undefined
      })
  }
  try {
    for await (const input of inputs) {
      begin(input)
      if (busy >= most) await oneIsDone()
      if (failures.length > 0) break
    }
  } catch (error) {
    failures.push(error)
  }
  while (busy > 0) await oneIsDone()
  if (failures.length > 0) throw failures[0]
}
