/** How every service begins and ends. */

import { CredenceError } from '@credence/contracts/errors'
import type { z } from 'zod'
import { type Bus, connectBus } from './bus/connect.ts'
import { verifyStreams } from './bus/streams.ts'
import { createVerifyAgentProof, type FindAgent } from './callers/agent-proof.ts'
import { createVerifyBearer, type ResolveHuman } from './callers/bearer.ts'
import { createAuthenticate } from './callers/caller.ts'
import { type Roles, readRoles } from './callers/roles.ts'
import { type Clock, systemClock } from './clock.ts'
import { ConfigurationError, type commonConfig } from './config.ts'
import type { Barrier } from './event-store/barrier.ts'
import { createEgress, type Egress } from './http/egress.ts'
import { createLog, type Log, messageOf } from './log.ts'
import { type RpcDefinition, type RpcServerOptions, serveRpc } from './rpc/server.ts'
import type { TlsFiles } from './rpc/tls.ts'
import { startTelemetry } from './telemetry.ts'

export type CommonConfig = z.infer<z.ZodObject<typeof commonConfig>>

export type Kernel = {
  log: Log
  bus: Bus
  clock: Clock
  /** The only way to fetch a URL that others name. */
  egress: Egress
  tls: TlsFiles
  roles: Roles
  /** This service's SPIFFE ID, `spiffe://<trust-domain>/service/<name>`. */
  spiffeId: string
  /** Serves the API on both listeners, once the service knows agents and humans; ends with the service. */
  serve<Definition extends RpcDefinition>(api: Api<Definition>): Promise<void>
  /** Call when something broke that only a restart can mend. */
  fail(error: Error): void
}

/** What a service serves: its methods, and how it knows who calls. */
export type Api<Definition> = Pick<RpcServerOptions<Definition>, 'definition' | 'name' | 'methods' | 'also'> & {
  findAgent: FindAgent
  barrier: Barrier
  resolveHuman: ResolveHuman
  /** False while it may be behind the streams: health says NOT_SERVING then. Always current when absent. */
  isCurrent?: () => boolean
}

/** Runs last-made-first when the process is asked to stop. */
export type Cleanup = { push(stop: () => Promise<unknown> | unknown): void }

const STOP_MS = 8_000
const HEALTH_MS = 500
const EX_CONFIG = 78

/** Starts a service and keeps it until SIGTERM or SIGINT. A start that fails says why in one line. */
export async function runService<Config extends CommonConfig>(
  name: string,
  read: () => Config,
  start: (config: Config, kernel: Kernel, cleanup: Cleanup) => Promise<void>,
): Promise<void> {
  // Stacks are never logged or sent, and the NATS client makes error objects for every request.
  Error.stackTraceLimit = 0
  const stops: (() => Promise<unknown> | unknown)[] = []
  let log = createLog(name, 'info')
  let ending = false

  const end = async (code: number) => {
    if (ending) return
    ending = true
    setTimeout(() => process.exit(code), STOP_MS).unref()
    for (const stop of stops.reverse())
      await Promise.resolve(stop()).catch((error) => log.warn('stop', { error: messageOf(error) }))
    process.exit(code)
  }
  const fail = (error: unknown) => {
    if (error instanceof ConfigurationError || error instanceof CredenceError)
      process.stderr.write(`${name}: ${error.message}\n`)
    else log.error('failed', { error: messageOf(error) })
    void end(error instanceof ConfigurationError ? EX_CONFIG : 1)
  }
  process.on('SIGTERM', () => void end(0))
  process.on('SIGINT', () => void end(0))
  process.on('unhandledRejection', fail)
  process.on('uncaughtException', fail)
  try {
    const config = read()
    log = createLog(name, config.CREDENCE_LOG_LEVEL)
    stops.push(startTelemetry(name, config.OTEL_EXPORTER_OTLP_ENDPOINT))
    const cleanup = { push: (stop: () => Promise<unknown> | unknown) => stops.push(stop) }
    const kernel = await openKernel(name, config, log, cleanup, fail)
    await verifyStreams(kernel.bus)
    await start(config, kernel, cleanup)
    log.info('ready', { address: `${config.CREDENCE_GRPC_LISTEN} ${config.CREDENCE_GRPC_PUBLIC_LISTEN}` })
  } catch (error) {
    fail(error)
  }
}

async function openKernel(
  name: string,
  config: CommonConfig,
  log: Log,
  cleanup: Cleanup,
  fail: (error: Error) => void,
): Promise<Kernel> {
  const roles = readRoles(config.CREDENCE_ROLES_FILE)
  const spiffeId = `spiffe://${config.CREDENCE_TRUST_DOMAIN}/service/${name}`
  const tls = {
    caFile: config.CREDENCE_TLS_CA_FILE,
    certFile: config.CREDENCE_TLS_CERT_FILE,
    keyFile: config.CREDENCE_TLS_KEY_FILE,
  }
  const servers = config.CREDENCE_NATS_SERVERS
  const bus = await connectBus({ servers, name, nkeyFile: config.CREDENCE_NATS_NKEY_FILE, log, ...tls })
  cleanup.push(bus.close)
  const egress = createEgress({ allow: config.CREDENCE_EGRESS_ALLOW })

  async function serve<Definition extends RpcDefinition>({
    findAgent,
    barrier,
    resolveHuman,
    isCurrent = () => true,
    ...api
  }: Api<Definition>) {
    const issuers = config.CREDENCE_OIDC_ISSUERS
    const audience = config.CREDENCE_OIDC_AUDIENCE
    const verifyBearer = createVerifyBearer({ issuers, audience, claimsOf: roles.claimsOf, resolveHuman, egress })
    const verifyAgentProof = createVerifyAgentProof({
      audience: spiffeId,
      find: findAgent,
      barrier,
      clock: systemClock,
    })
    const server = await serveRpc({
      ...api,
      authenticate: createAuthenticate({ roles, verifyBearer, verifyAgentProof }),
      log,
      tls,
      listen: { mesh: config.CREDENCE_GRPC_LISTEN, public: config.CREDENCE_GRPC_PUBLIC_LISTEN },
      reflection: config.CREDENCE_GRPC_REFLECTION === 'on',
    })
    cleanup.push(server.stop)
    server.ready(isCurrent())
    const looking = setInterval(() => server.ready(isCurrent()), HEALTH_MS)
    cleanup.push(() => clearInterval(looking))
  }
  return { log, bus, clock: systemClock, egress, tls, roles, spiffeId, serve, fail }
}
