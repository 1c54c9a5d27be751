/** The development stack: NATS, the services and the demo identity provider, as real processes on loopback. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RolesFile } from '@credence/shared/callers/roles'
import type { TlsFiles } from '@credence/shared/rpc/tls'
import { type Nats, startNats } from './nats.ts'
import { type Authority, openAuthority } from './pki.ts'
import { freePorts, isFree } from './ports.ts'
import { type Running, startProcess } from './process.ts'
import { waitUntilServing } from './readiness.ts'
import { registerForSignIn } from './sign-in.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export const SERVICE_NAMES = ['identity', 'policy', 'attestation', 'audit'] as const
export type ServiceName = (typeof SERVICE_NAMES)[number]
/** What the demo company runs beside them (company.ts). */
export type CompanyProcess = 'identity-provider' | 'calendar' | 'customers'

/** Loopback ports. `Mesh` listeners are for workloads (mTLS), `Public` ones for agents and people. */
export const DEFAULT_PORTS = {
  nats: 7422,
  identityMesh: 7401,
  policyMesh: 7402,
  attestationMesh: 7403,
  auditMesh: 7404,
  identityPublic: 7411,
  policyPublic: 7412,
  attestationPublic: 7413,
  auditPublic: 7414,
  identityHttp: 7421,
  policyHttp: 7423,
  idp: 7430,
  calendar: 7441,
  customers: 7442,
}
export type Ports = typeof DEFAULT_PORTS

export type Stack = {
  folder: string
  trustDomain: string
  ports: Ports
  authority: Authority
  nats: Nats
  /** OAuth issuer of the identity service, issuer of the demo identity provider, audience of people's tokens. */
  issuer: string
  /** The decision point, as enforcement points know it by HTTPS. */
  decisionPoint: string
  idpIssuer: string
  apiAudience: string
  /** Starts a service, and waits until it serves. Replaces one that ended. */
  start(service: ServiceName): Promise<void>
  service(name: ServiceName | CompanyProcess): Running
  /** What a service is configured with. */
  environment(name: ServiceName): Promise<Record<string, string>>
  /** Another replica of a service, on its own ports and with its own data folder and keys of the first. */
  replica(name: ServiceName, ports: { mesh: number; public: number; http?: number }): Promise<Running>
  /** Starts another process of the stack under its care. */
  spawn(name: string, script: string, env: Record<string, string>): Running
  /** A certificate for a workload, for example `platform/hr` or `enforcement-point/calendar`. */
  workload(path: string): Promise<TlsFiles>
  stop(): Promise<void>
}

export type StackOptions = {
  folder: string
  /** Undefined: free ones. */
  ports?: Ports
  trustDomain?: string
  services?: readonly ServiceName[]
  /** Services from their sources (default), or as `npm run build` left them. */
  from?: 'source' | 'dist'
  /** How long a service may take to come up; one that ends is noticed at once. */
  patienceMs?: number
  progress?: (line: string) => void
  /** More variables for every service. */
  variables?: Record<string, string>
}

/** @throws Error in one line when a port is taken or a process does not come up */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { folder, trustDomain = 'acme.example', progress = () => undefined } = options
  const ports = options.ports ?? (await anyPorts())
  await refuseTakenPorts(ports)
  for (const part of ['logs', 'keys']) mkdirSync(join(folder, part), { recursive: true, mode: 0o700 })
  const kekFile = keyEncryptionKeyFile(folder)
  if (!existsSync(kekFile)) writeFileSync(kekFile, randomBytes(32), { mode: 0o600, flag: 'wx' })
  const authority = await openAuthority(join(folder, 'pki'), trustDomain)
  const issuer = `https://localhost:${ports.identityHttp}`
  const decisionPoint = `https://localhost:${ports.policyHttp}`
  const idpIssuer = `https://localhost:${ports.idp}`
  const apiAudience = `https://credence.${trustDomain}/api`
  const rolesFile = join(folder, 'roles.json')
  writeFileSync(rolesFile, JSON.stringify(developmentRoles(trustDomain, idpIssuer, ports), null, 2))

  await registerForSignIn(folder, [{ id: 'acme', issuer: idpIssuer, display_name: 'Acme' }])

  progress('NATS')
  const nats = await startNats({ folder: join(folder, 'nats'), port: ports.nats, authority, trustDomain })
  const processes = new Map<string, Running>()

  const mainOf = (name: ServiceName) =>
    options.from === 'dist' ? `services/${name}/dist/main.js` : `services/${name}/src/main.ts`
  const spawn: Stack['spawn'] = (name, script, env) => {
    const flags = script.endsWith('.ts') ? ['--conditions=@credence/source'] : []
    const running = startProcess({
      name,
      command: process.execPath,
      args: [...flags, '--disable-warning=ExperimentalWarning', '--disable-warning=DEP0123', join(ROOT, script)],
      env: {
        // What a test runner sets for itself must not reach a built service.
        NODE_OPTIONS: '',
        NODE_EXTRA_CA_CERTS: authority.caFile,
        UV_THREADPOOL_SIZE: '8',
        ...env,
      },
      logFile: join(folder, 'logs', `${name}.log`),
    })
    processes.set(name, running)
    return running
  }
  const stack: Stack = {
    folder,
    trustDomain,
    ports,
    authority,
    nats,
    issuer,
    decisionPoint,
    idpIssuer,
    apiAudience,
    spawn,
    workload: (path) => authority.issue(path.replaceAll('/', '-'), `spiffe://${trustDomain}/${path}`),
    service: (name) => {
      const running = processes.get(name)
      if (!running) throw new Error(`${name} was not started`)
      return running
    },
    environment: async (name) => {
      const tls = await authority.issue(`service-${name}`, `spiffe://${trustDomain}/service/${name}`)
      const usual = serviceEnvironment(stack, name, tls, rolesFile)
      return { NODE_EXTRA_CA_CERTS: authority.caFile, ...usual, ...options.variables }
    },
    start: async (name) => {
      const running = spawn(name, mainOf(name), await stack.environment(name))
      await waitUntilServing(running, `localhost:${ports[`${name}Public`]}`, authority.caFile, options.patienceMs)
    },
    replica: async (name, at) =>
      spawn(`${name}-${at.mesh}`, mainOf(name), {
        ...(await stack.environment(name)),
        CREDENCE_GRPC_LISTEN: `127.0.0.1:${at.mesh}`,
        CREDENCE_GRPC_PUBLIC_LISTEN: `127.0.0.1:${at.public}`,
        ...(at.http ? { CREDENCE_HTTP_LISTEN: `127.0.0.1:${at.http}` } : {}),
        CREDENCE_POLICY_HTTP_LISTEN: at.http ? `127.0.0.1:${at.http}` : '',
        CREDENCE_DATA_DIR: join(folder, `${name}-${at.mesh}`),
      }),
    stop: async () => {
      await Promise.all([...processes.values()].reverse().map((running) => running.stop()))
      await nats.process().stop()
    },
  }
  try {
    const names = options.services ?? SERVICE_NAMES
    progress(names.join(', '))
    await Promise.all(names.map(stack.start))
    return stack
  } catch (error) {
    await stack.stop()
    throw error
  }
}

/** Encrypts identity's signing keys. Production keeps it away from them. */
const keyEncryptionKeyFile = (folder: string) => join(folder, 'keys', 'identity.kek')

function serviceEnvironment(stack: Stack, name: ServiceName, tls: TlsFiles, rolesFile: string): Record<string, string> {
  const { ports, folder } = stack
  return {
    CREDENCE_TRUST_DOMAIN: stack.trustDomain,
    CREDENCE_NATS_SERVERS: stack.nats.url,
    CREDENCE_NATS_NKEY_FILE: stack.nats.nkeyFile(name),
    CREDENCE_TLS_CA_FILE: tls.caFile,
    CREDENCE_TLS_CERT_FILE: tls.certFile,
    CREDENCE_TLS_KEY_FILE: tls.keyFile,
    CREDENCE_ROLES_FILE: rolesFile,
    CREDENCE_GRPC_LISTEN: `127.0.0.1:${ports[`${name}Mesh`]}`,
    CREDENCE_GRPC_PUBLIC_LISTEN: `127.0.0.1:${ports[`${name}Public`]}`,
    CREDENCE_GRPC_REFLECTION: 'on',
    CREDENCE_OIDC_ISSUERS: stack.idpIssuer,
    CREDENCE_OIDC_AUDIENCE: stack.apiAudience,
    CREDENCE_EGRESS_ALLOW: '127.0.0.0/8,::1/128',
    CREDENCE_HTTP_LISTEN: `127.0.0.1:${ports.identityHttp}`,
    CREDENCE_ISSUER: stack.issuer,
    CREDENCE_POLICY_HTTP_LISTEN: `127.0.0.1:${ports.policyHttp}`,
    CREDENCE_POLICY_URL: stack.decisionPoint,
    CREDENCE_SIGN_IN_FILE: join(folder, 'sign-in', 'providers.json'),
    CREDENCE_IDENTITY_GRPC: `localhost:${ports.identityMesh}`,
    CREDENCE_POLICY_GRPC: `localhost:${ports.policyMesh}`,
    CREDENCE_KEYS_DIR: join(folder, 'keys', name),
    CREDENCE_KEYS_KEK_FILE: keyEncryptionKeyFile(folder),
    CREDENCE_DATA_DIR: join(folder, name),
    CREDENCE_LOG_ORIGIN: `audit.${stack.trustDomain}/trail`,
  }
}

/** Who may do what in the development stack: certificates by their path, people by their group. */
function developmentRoles(trustDomain: string, issuer: string, ports: Ports): RolesFile {
  const workload = (path: string, role: RolesFile['workloads'][number]['roles'][number]) => ({
    spiffe_id: `spiffe://${trustDomain}/${path}/*`,
    roles: [role],
  })
  /** An enforcement point may introspect the tokens of its own resource, and no others. */
  const audience = (name: 'calendar' | 'customers') => ({
    spiffe_id: `spiffe://${trustDomain}/enforcement-point/${name}`,
    roles: ['enforcement-point' as const],
    audiences: [`https://localhost:${ports[name]}`],
  })
  const group = (name: string, role: RolesFile['groups'][number]['roles'][number]) => ({
    issuer,
    group: name,
    roles: [role],
  })
  return {
    workloads: [
      workload('service', 'service'),
      workload('platform', 'platform'),
      workload('enforcement-point', 'enforcement-point'),
      workload('detector', 'detector'),
      audience('calendar'),
      audience('customers'),
    ],
    groups: [
      group('credence-sponsors', 'sponsor'),
      group('credence-security', 'security-operator'),
      group('credence-auditors', 'auditor'),
      group('credence-approvers', 'approver'),
    ],
  }
}

async function anyPorts(): Promise<Ports> {
  const names = Object.keys(DEFAULT_PORTS) as (keyof Ports)[]
  const free = await freePorts(names.length)
  return Object.fromEntries(names.map((name, index) => [name, free[index]])) as Ports
}

async function refuseTakenPorts(ports: Ports): Promise<void> {
  for (const [name, port] of Object.entries(ports))
    if (!(await isFree(port)))
      throw new Error(
        `Port ${port} (${name}) is in use. Stop what listens there (another "npm start"?), or choose other ports with -- --ports any.`,
      )
}
