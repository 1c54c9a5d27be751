/** Typed unary calls as promises, each with a deadline. */
import { type ChannelOptions, type Client, type ClientUnaryCall, Metadata, type ServiceError } from '@grpc/grpc-js'
import { currentTraceparent } from '../telemetry.ts'
import { fromStatus } from './status.ts'

type Unary<Req, Res> = (
  request: Req,
  metadata: Metadata,
  options: { deadline: number },
  callback: (error: ServiceError | null, response: Res) => void,
) => ClientUnaryCall

export type CallOptions = { deadlineMs?: number }

/** A generated client with its methods as `(request, options) => Promise<response>`. */
export type Promised<C> = {
  // biome-ignore lint/suspicious/noExplicitAny: matches every unary method
  [K in keyof C as C[K] extends Unary<any, any> ? K : never]: C[K] extends Unary<infer Req, infer Res>
    ? (request: Req, options?: CallOptions) => Promise<Res>
    : never
} & { close(): void }

/** Proves the caller inside a call: knows the method's path and the exact bytes, answers with metadata. */
export type Credential = (path: string, request: Uint8Array) => Promise<Record<string, string>>

type Definition = Record<string, { path: string; requestSerialize: (request: never) => Buffer }>

/** A service that was restarted is found again within a second. Policies with their schemas are the largest answers. */
export const CHANNEL: ChannelOptions = {
  'grpc.max_receive_message_length': 8 * 1024 * 1024,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.enable_channelz': 0,
}

const DEADLINE_MS = 5_000

/**
 * @param credential bearer token or agent proof; none for mTLS alone
 * @throws CredenceError from every method, with the status, reason and field violations that the server sent
 */
export function promised<C extends Client>(client: C, definition: Definition, credential?: Credential): Promised<C> {
  const methods = Object.entries(definition).map(([name, { path, requestSerialize }]) => {
    const call = async (request: unknown, { deadlineMs = DEADLINE_MS }: CallOptions = {}) => {
      const metadata = new Metadata()
      const traceparent = currentTraceparent()
      if (traceparent) metadata.set('traceparent', traceparent)
      const proof = credential ? await credential(path, requestSerialize(request as never)) : {}
      for (const [key, value] of Object.entries(proof)) metadata.set(key, value)
      const deadline = Date.now() + deadlineMs
      return new Promise((resolve, reject) => {
        const method = client[name as keyof C] as Unary<unknown, unknown>
        method.call(client, request, metadata, { deadline }, (error, response) =>
          error ? reject(fromStatus(error)) : resolve(response),
        )
      })
    }
    return [name, call] as const
  })
  return { ...Object.fromEntries(methods), close: () => client.close() } as unknown as Promised<C>
}
