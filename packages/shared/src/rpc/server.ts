/** A gRPC server whose handlers cannot leak, hang or crash: every one is wrapped. */
import { readFileSync } from 'node:fs'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { CredenceError } from '@credence/contracts/errors'
import { logVerbosity, Server, type ServerUnaryCall, type sendUnaryData, setLogVerbosity } from '@grpc/grpc-js'
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'
import { HealthImplementation } from 'grpc-health-check'
import type { z } from 'zod'
import { type Access, type Authenticate, type Caller, refuseUnless } from '../callers/caller.ts'
import { type Log, messageOf } from '../log.ts'
import { traced } from '../telemetry.ts'
import { parseRequest } from './parse.ts'
import { toStatus } from './status.ts'
import { inputsOf, outletOf, type StreamCall, type StreamMethod } from './stream.ts'
import { meshCredentials, publicCredentials, type TlsFiles } from './tls.ts'

/** One method as ts-proto generates it. */
type MethodDefinition = {
  path: string
  requestStream: boolean
  responseStream: boolean
  // biome-ignore lint/suspicious/noExplicitAny: generated definitions differ by method
  requestDeserialize: (bytes: Buffer) => any
  // biome-ignore lint/suspicious/noExplicitAny: generated definitions differ by method
  responseSerialize: (message: any) => Buffer
}

export type RpcDefinition = Record<string, MethodDefinition>

export type Method<Response, Input> = {
  allow: readonly Access[]
  input: z.ZodType<Input>
  /** Largest request, where it is not the usual (`MAX_REQUEST_BYTES`); at most `MAX_MESSAGE_BYTES`. */
  maxBytes?: number
  handle: (input: Input, caller: Caller) => Promise<Response>
}

/** Keeps the input's type between schema and handler. */
export const method = <Response, Input>(one: Method<Response, Input>): Method<Response, Input> => one

export type Methods<Definition> = {
  [K in keyof Definition]: Definition[K] extends {
    responseStream: infer Streamed
    responseSerialize: (message: infer Response) => Buffer
  }
    ? Streamed extends true
      ? // biome-ignore lint/suspicious/noExplicitAny: each method has an input of its own
        StreamMethod<Response, any>
      : // biome-ignore lint/suspicious/noExplicitAny: each method has an input of its own
        Method<Response, any>
    : never
}

export type RpcServer = { ready(serving: boolean): void; stop(): Promise<void> }

export type RpcServerOptions<Definition> = {
  definition: Definition
  /** Fully qualified service name, for health and reflection. */
  name: string
  methods: Methods<Definition>
  authenticate: Authenticate
  log: Log
  tls: TlsFiles
  /** host:port for workloads (mTLS), and for agents and people. */
  listen: { mesh: string; public: string }
  reflection: boolean
}

/** Above what `parseRequest` refuses with a name, so that it is the one to refuse; beyond this gRPC itself does. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024
/** Answers are ours; what clients take at most (client.ts). */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024
const GRACE_MS = 3_000

/** @throws CredenceError `unavailable` naming the address that is taken */
export async function serveRpc<Definition extends RpcDefinition>(
  options: RpcServerOptions<Definition>,
): Promise<RpcServer> {
  // What matters of it is thrown or logged here, in our form.
  setLogVerbosity(logVerbosity.NONE)
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_ANSWER_BYTES,
    'grpc.keepalive_time_ms': 60_000,
    'grpc.enable_channelz': 0,
  })
  const names = Object.keys(options.definition)
  const raw = names.map((name) => [name, { ...options.definition[name], requestDeserialize: (bytes: Buffer) => bytes }])
  const handlers = names.map((name) => [name, wrap(options, name)])
  server.addService(Object.fromEntries(raw), Object.fromEntries(handlers))
  const health = new HealthImplementation({ '': 'NOT_SERVING', [options.name]: 'NOT_SERVING' })
  health.addToServer(server)
  if (options.reflection) addReflection(server, options.name)
  await bind(server, options.listen.mesh, meshCredentials(options.tls))
  await bind(server, options.listen.public, publicCredentials(options.tls))
  return {
    ready: (serving) => {
      for (const name of ['', options.name]) health.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING')
    },
    stop: () => stop(server),
  }
}

/** gRPC reflection, from the descriptors as buf built them: the loader re-encodes files and loses what they import. */
function addReflection(server: Server, service: string): void {
  const image = readFileSync(new URL('./gen/credence.binpb', import.meta.resolve('@credence/contracts/streams')))
  const files = filesOf(image)
  const loaded = Object.entries(loadFileDescriptorSetFromBuffer(image))
  const definitions = loaded.map(([name, definition]) => [name, withFiles(definition, files)])
  new ReflectionService(Object.fromEntries(definitions), { services: [service] }).addToServer(server)
}

/** FileDescriptorSet (descriptor.proto): field 1, repeated, is one file. */
function filesOf(image: Uint8Array): Uint8Array[] {
  const reader = new BinaryReader(image)
  const files: Uint8Array[] = []
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    if (field === 1) files.push(reader.bytes())
    else reader.skip(wireType)
  }
  return files
}

const withFiles = (definition: object, fileDescriptorProtos: Uint8Array[]): object =>
  'fileDescriptorProtos' in definition ? { ...definition, fileDescriptorProtos } : definition

/** Calls under way may finish; open streams are cut after the grace. */
function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown()
      resolve()
    }, GRACE_MS)
    server.tryShutdown(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}

function bind(server: Server, address: string, credentials: Parameters<Server['bindAsync']>[1]): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error) => {
      if (!error) return resolve()
      const hint = `Cannot listen on ${address}: is something else using this port? Stop it, or configure another.`
      reject(new CredenceError('unavailable', 'address_in_use', hint, [], error))
    })
  })
}

function wrap<Definition extends RpcDefinition>(options: RpcServerOptions<Definition>, name: string) {
  const { path, requestDeserialize, responseStream } = options.definition[name] as MethodDefinition
  const one = options.methods[name as keyof Definition] as unknown

  const admit = async (call: AnyCall, request: Uint8Array, allow: readonly Access[]): Promise<Caller> => {
    const caller = await options.authenticate({
      certificate: call.getAuthContext().sslPeerCertificate,
      bearer: text(call, 'authorization'),
      agentProof: text(call, 'agent-proof'),
      path,
      request,
    })
    refuseUnless(caller, allow)
    const address = addressIn(call.getPeer())
    return address === undefined ? caller : { ...caller, address }
  }
  const failed = (error: unknown) => {
    if (!(error instanceof CredenceError) || error.status === 'internal')
      options.log.error('call failed', { method: path, error: messageOf(error) })
    return toStatus(error)
  }
  const run = <T>(call: AnyCall, work: () => Promise<T>) => traced(path, 'server', text(call, 'traceparent'), work)

  if (responseStream) {
    const { allow, input, stream } = one as StreamMethod<unknown, unknown>
    const pour = async (call: StreamCall) => {
      const caller = await admit(call, 'request' in call ? call.request : Buffer.alloc(0), allow)
      await stream(inputsOf(call, requestDeserialize, input), caller, outletOf(call))
    }
    return (call: StreamCall): void => {
      run(call, () => pour(call)).then(
        () => call.end(),
        (error) => call.emit('error', failed(error)),
      )
    }
  }
  const { allow, input, maxBytes, handle } = one as Method<unknown, unknown>
  const answer = async (call: ServerUnaryCall<Buffer, unknown>): Promise<unknown> => {
    const caller = await admit(call, call.request, allow)
    return handle(parseRequest(call.request, requestDeserialize, input, maxBytes), caller)
  }
  return (call: ServerUnaryCall<Buffer, unknown>, reply: sendUnaryData<unknown>): void => {
    run(call, () => answer(call)).then(
      (response) => reply(null, response),
      (error) => reply(failed(error)),
    )
  }
}

/** `10.0.0.7:4711`, `[::1]:4711` or `unknown`. */
const addressIn = (peer: string): string | undefined => /^\[?([0-9a-fA-F:.]+?)\]?:\d+$/.exec(peer)?.[1]

type AnyCall = ServerUnaryCall<Buffer, unknown> | StreamCall

function text(call: AnyCall, key: string): string | undefined {
  const values = call.metadata.get(key)
  const [only] = values
  return values.length === 1 && typeof only === 'string' ? only : undefined
}
