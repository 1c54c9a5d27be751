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
  handle: (input: Input, caller: Caller, call: CallFacts) => Promise<Response>
  foreign?: Foreign<Response>
}

/** `deadline`: until when the caller waits, in ms since the epoch; Infinity when it did not say. */
export type CallFacts = { deadline: number }

/**
 * For a protocol that is not ours: fields that we do not know are passed over, and an error is answered in the protocol's
 * own words, where a gRPC error would not be taken as a refusal.
 */
export type Foreign<Response> = { answerTo: (error: unknown) => Response }

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

/** A service with its methods, whatever its definition. */
export type Service = { definition: RpcDefinition; name: string; methods: Record<string, unknown> }

/** Keeps methods true to their definition. */
export const service = <Definition extends RpcDefinition>(one: {
  definition: Definition
  name: string
  methods: Methods<Definition>
}): Service => one

export type RpcServer = { ready(serving: boolean): void; stop(): Promise<void> }

export type RpcServerOptions<Definition> = {
  definition: Definition
  /** Fully qualified service name, for health and reflection. */
  name: string
  methods: Methods<Definition>
  /** More services on the same listeners. */
  also?: readonly Service[]
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
  const services = [service(options), ...(options.also ?? [])]
  for (const one of services) addService(server, one, options)
  const names = services.map(({ name }) => name)
  const health = new HealthImplementation(Object.fromEntries(['', ...names].map((name) => [name, 'NOT_SERVING'])))
  health.addToServer(server)
  if (options.reflection) addReflection(server, names)
  await bind(server, options.listen.mesh, meshCredentials(options.tls))
  await bind(server, options.listen.public, publicCredentials(options.tls))
  return {
    ready: (serving) => {
      for (const name of ['', ...names]) health.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING')
    },
    stop: () => stop(server),
  }
}

function addService(server: Server, one: Service, options: Admission): void {
  const names = Object.keys(one.definition)
  const raw = names.map((name) => [name, { ...one.definition[name], requestDeserialize: (bytes: Buffer) => bytes }])
  const handlers = names.map((name) => [name, wrap(one, name, options)])
  server.addService(Object.fromEntries(raw), Object.fromEntries(handlers))
}

/** gRPC reflection, from the descriptors as buf built them: the loader re-encodes files and loses what they import. */
function addReflection(server: Server, services: string[]): void {
  const image = readFileSync(new URL('./gen/credence.binpb', import.meta.resolve('@credence/contracts/streams')))
  const files = filesOf(image)
  const loaded = Object.entries(loadFileDescriptorSetFromBuffer(image))
  const definitions = loaded.map(([name, definition]) => [name, withFiles(definition, files)])
  new ReflectionService(Object.fromEntries(definitions), { services }).addToServer(server)
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

type Admission = { authenticate: Authenticate; log: Log }

function wrap({ definition, methods }: Service, name: string, options: Admission) {
  const { path, requestDeserialize, responseStream } = definition[name] as MethodDefinition
  const one = methods[name]

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
  const logged = (error: unknown) => {
    if (!(error instanceof CredenceError) || error.status === 'internal')
      options.log.error('call failed', { method: path, error: messageOf(error) })
    return error
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
        (error) => call.emit('error', toStatus(logged(error))),
      )
    }
  }
  const { allow, input, maxBytes, handle, foreign } = one as Method<unknown, unknown>
  const answer = async (call: ServerUnaryCall<Buffer, unknown>): Promise<unknown> => {
    const caller = await admit(call, call.request, allow)
    const fields = foreign ? 'open' : 'closed'
    const parsed = parseRequest(call.request, requestDeserialize, input, { fields, maxBytes })
    return handle(parsed, caller, { deadline: milliseconds(call.getDeadline()) })
  }
  return (call: ServerUnaryCall<Buffer, unknown>, reply: sendUnaryData<unknown>): void => {
    run(call, () => answer(call)).then(
      (response) => reply(null, response),
      (error) => (foreign ? reply(null, foreign.answerTo(logged(error))) : reply(toStatus(logged(error)))),
    )
  }
}

/** `10.0.0.7:4711`, `[::1]:4711` or `unknown`. */
const addressIn = (peer: string): string | undefined => /^\[?([0-9a-fA-F:.]+?)\]?:\d+$/.exec(peer)?.[1]

const milliseconds = (deadline: Date | number): number => (typeof deadline === 'number' ? deadline : deadline.getTime())

type AnyCall = ServerUnaryCall<Buffer, unknown> | StreamCall

function text(call: AnyCall, key: string): string | undefined {
  const values = call.metadata.get(key)
  const [only] = values
  return values.length === 1 && typeof only === 'string' ? only : undefined
}
