/**
 * A trust domain of somebody else's: a SPIRE server and a SPIRE agent in their own processes, on loopback, with join token,
 * unix workload attestor and SQLite. The agent attests this very process, so that tests ask its Workload API themselves.
 */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePorts } from '../../dev/ports.ts'
import { type Running, startProcess } from '../../dev/process.ts'

const HERE = fileURLToPath(new URL('./', import.meta.url))
/** Where .ci/run builds them, from the go.mod beside this file. `SPIRE_BIN` names another folder. */
const TOOLS = process.env.SPIRE_BIN ?? join(HERE, '../../../.credence/tools/spire')
const SERVER = join(TOOLS, 'spire-server')
const AGENT = join(TOOLS, 'spire-agent')
const WITHIN_MS = 60_000
const TRIES_MS = 200

/** Why the tests that need SPIRE are skipped here; undefined when it is there. */
export const spireMissing = (): string | undefined =>
  [SERVER, AGENT].every((path) => existsSync(path) && spawnSync(path, ['--version']).status === 0)
    ? undefined
    : 'SPIRE was not built here (infra/interop/spire/README.md)'

export type SpireOptions = {
  trustDomain: string
  /** Short: a socket's path has at most 107 bytes. */
  folder: string
  /** Names that this process gets, as paths: `/ns/prod/sa/scheduler`. */
  workloads: readonly string[]
  /** Of authorities, tokens and workloads alike. */
  keyType?: 'rsa-2048' | 'ec-p256'
  /** Serves the bundle by the profile https_web, with this certificate (SPIFFE_Federation.md §5.2.1). */
  bundleEndpoint?: { port: number; certFile: string; keyFile: string }
}

export type Spire = {
  trustDomain: string
  /** As SPIFFE_ENDPOINT_SOCKET has it. */
  socket: string
  /** The bundle of the domain, as its server shows it. */
  bundle(): Promise<string>
  /** `spire-server` with these words, against this server. @returns what it printed */
  server(...words: string[]): Promise<string>
  /** `spire-agent api …`, against this agent. */
  agent(...words: string[]): Promise<string>
  stop(): Promise<void>
}

/** @throws Error with the last words of what did not come up */
export async function startSpire(options: SpireOptions): Promise<Spire> {
  const { trustDomain, folder, workloads } = options
  const [port = 0] = await freePorts(1)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const sockets = { server: join(folder, 's.sock'), agent: join(folder, 'a.sock') }
  const run = promisify(execFile)
  const server = async (...words: string[]) => (await run(SERVER, [...words, '-socketPath', sockets.server])).stdout
  const agent = async (...words: string[]) => (await run(AGENT, [...words, '-socketPath', sockets.agent])).stdout
  const running: Running[] = []
  const stop = async () => {
    for (const one of running.reverse()) await one.stop()
  }
  const start = async (name: 'server' | 'agent', settings: string, ready: () => Promise<unknown>) => {
    const file = join(folder, `${name}.conf`)
    writeFileSync(file, settings)
    const command = name === 'server' ? SERVER : AGENT
    const process = startProcess({
      name: `spire-${name}`,
      command,
      args: ['run', '-config', file],
      logFile: join(folder, `${name}.log`),
    })
    running.push(process)
    await until(process, ready)
  }
  try {
    await start('server', serverSettings(options, port, sockets.server), () => server('healthcheck'))
    writeFileSync(join(folder, 'bundle.pem'), await server('bundle', 'show'))
    const token = /Token: (\S+)/.exec(
      await server('token', 'generate', '-spiffeID', `spiffe://${trustDomain}/node`),
    )?.[1]
    for (const path of workloads)
      await server(
        ...[
          'entry',
          'create',
          '-parentID',
          `spiffe://${trustDomain}/node`,
          '-spiffeID',
          `spiffe://${trustDomain}${path}`,
        ],
        ...['-selector', `unix:uid:${process.getuid?.() ?? 0}`],
      )
    await start('agent', agentSettings(options, port, sockets.agent, token ?? ''), async () => {
      // Healthy is not yet informed: it asks the server for its entries now and then.
      const shown = await agent('api', 'fetch', 'x509')
      for (const path of workloads) if (!shown.includes(`spiffe://${trustDomain}${path}\n`)) throw new Error('not yet')
    })
  } catch (error) {
    await stop()
    throw error
  }
  const bundle = () => server('bundle', 'show', '-format', 'spiffe')
  return { trustDomain, socket: `unix://${sockets.agent}`, bundle, server, agent, stop }
}

async function until(process: Running, ready: () => Promise<unknown>): Promise<void> {
  const deadline = Date.now() + WITHIN_MS
  while (process.running() && Date.now() < deadline) {
    if (
      await ready().then(
        () => true,
        () => false,
      )
    )
      return
    await delay(TRIES_MS)
  }
  throw new Error(`${process.name} did not come up. Its last words:\n${process.tail()}`)
}

/** HCL as SPIRE reads it; its strings are JSON's. */
const text = (value: string) => JSON.stringify(value)

function serverSettings(options: SpireOptions, port: number, socket: string): string {
  const { trustDomain, folder, keyType = 'ec-p256', bundleEndpoint } = options
  const federation = bundleEndpoint
    ? `  federation { bundle_endpoint {
    address = "127.0.0.1"
    port = ${bundleEndpoint.port}
    refresh_hint = "1m"
    profile "https_web" { serving_cert_file {
      cert_file_path = ${text(bundleEndpoint.certFile)}
      key_file_path = ${text(bundleEndpoint.keyFile)}
      file_sync_interval = "1h"
    } }
  } }`
    : ''
  return `server {
  bind_address = "127.0.0.1"
  bind_port = ${port}
  socket_path = ${text(socket)}
  trust_domain = ${text(trustDomain)}
  data_dir = ${text(folder)}
  ca_key_type = ${text(keyType)}
  jwt_key_type = ${text(keyType)}
${federation}
}
plugins {
  DataStore "sql" { plugin_data { database_type = "sqlite3" connection_string = ${text(join(folder, 'datastore.sqlite3'))} } }
  NodeAttestor "join_token" { plugin_data {} }
  KeyManager "memory" { plugin_data {} }
}
`
}

function agentSettings(options: SpireOptions, port: number, socket: string, token: string): string {
  const { trustDomain, folder, keyType = 'ec-p256' } = options
  return `agent {
  server_address = "127.0.0.1"
  server_port = ${port}
  socket_path = ${text(socket)}
  trust_domain = ${text(trustDomain)}
  trust_bundle_path = ${text(join(folder, 'bundle.pem'))}
  data_dir = ${text(join(folder, 'agent'))}
  join_token = ${text(token)}
  workload_x509_svid_key_type = ${text(keyType)}
}
plugins {
  NodeAttestor "join_token" { plugin_data {} }
  KeyManager "memory" { plugin_data {} }
  WorkloadAttestor "unix" { plugin_data {} }
}
`
}
