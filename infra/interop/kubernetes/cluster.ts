/** A real kube-apiserver with its etcd, both of one Go module (README.md), without kubelet or controllers: objects are made by API. */
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Agent, fetch } from 'undici'
import { openAuthority } from '../../dev/pki.ts'
import { freePorts } from '../../dev/ports.ts'
import { startProcess } from '../../dev/process.ts'

const TOOLS = fileURLToPath(new URL('../../../.credence/tools/kubernetes/', import.meta.url))
const START_MS = 60_000

export const ISSUER = 'https://kubernetes.default.svc.cluster.local'

/** What the API server answered. */
export type Answer = { status: number; body: Record<string, unknown> }
export type Cluster = {
  issuer: string
  server: string
  caFile: string
  /** Asks as the cluster’s administrator; YAML text or an object as body. */
  api(method: string, path: string, body?: object | string): Promise<Answer>
  stop(): Promise<void>
}

/** Why it cannot be started here; undefined when it can. */
export const missingCluster = (): string | undefined =>
  ['etcd', 'kube-apiserver'].every((name) => existsSync(join(TOOLS, name)))
    ? undefined
    : 'no etcd and kube-apiserver in .credence/tools/kubernetes (infra/interop/kubernetes/README.md)'

/**
 * @param folder for its keys, data and logs
 * @param signsWith the type of the key for service-account tokens: RSA, as kubeadm makes it, unless said
 * @throws Error with its last words when it does not come up
 */
export async function startCluster(folder: string, signsWith: 'rsa' | 'ec' = 'rsa'): Promise<Cluster> {
  mkdirSync(folder, { recursive: true })
  const [etcdPort = 0, peerPort = 0, port = 0] = await freePorts(3)
  const authority = await openAuthority(join(folder, 'pki'), 'kubernetes.example')
  const tls = await authority.issue('kube-apiserver', 'spiffe://kubernetes.example/apiserver')
  const { signingKeyFile, publicKeyFile } = serviceAccountKeys(folder, signsWith)
  const administrator = randomUUID()
  const tokensFile = join(folder, 'tokens.csv')
  writeFileSync(tokensFile, `${administrator},admin,admin,system:masters\n`, { mode: 0o600 })

  const etcdUrl = `http://127.0.0.1:${etcdPort}`
  const peerUrl = `http://127.0.0.1:${peerPort}`
  const etcd = startProcess({
    name: 'etcd',
    command: join(TOOLS, 'etcd'),
    args: [
      ...['--data-dir', join(folder, 'etcd'), '--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl],
      ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
      ...['--initial-cluster', `default=${peerUrl}`, '--unsafe-no-fsync'],
    ],
    logFile: join(folder, 'etcd.log'),
  })
  const apiserver = startProcess({
    name: 'kube-apiserver',
    command: join(TOOLS, 'kube-apiserver'),
    args: [
      `--etcd-servers=${etcdUrl}`,
      ...['--bind-address=127.0.0.1', '--advertise-address=127.0.0.1', `--secure-port=${port}`],
      ...[`--tls-cert-file=${tls.certFile}`, `--tls-private-key-file=${tls.keyFile}`, `--cert-dir=${folder}`],
      ...[`--service-account-issuer=${ISSUER}`, '--service-cluster-ip-range=10.0.0.0/24'],
      ...[`--service-account-signing-key-file=${signingKeyFile}`, `--service-account-key-file=${publicKeyFile}`],
      ...[`--token-auth-file=${tokensFile}`, '--authorization-mode=RBAC'],
    ],
    logFile: join(folder, 'kube-apiserver.log'),
  })
  const stop = async () => {
    await apiserver.stop()
    await etcd.stop()
  }
  const server = `https://127.0.0.1:${port}`
  const api = client(server, authority.caFile, administrator)
  const deadline = Date.now() + START_MS
  while (apiserver.running() && etcd.running() && Date.now() < deadline) {
    const ready = await api('GET', '/readyz').catch(() => undefined)
    if (ready?.status === 200) return { issuer: ISSUER, server, caFile: authority.caFile, api, stop }
    await delay(200)
  }
  const words = `${etcd.tail(5)}\n${apiserver.tail()}`
  await stop()
  throw new Error(`kube-apiserver did not come up. Its last words:\n${words}`)
}

function serviceAccountKeys(folder: string, type: 'rsa' | 'ec') {
  const { privateKey, publicKey } =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signingKeyFile = join(folder, 'sa.key')
  const publicKeyFile = join(folder, 'sa.pub')
  writeFileSync(signingKeyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  writeFileSync(publicKeyFile, publicKey.export({ type: 'spki', format: 'pem' }))
  return { signingKeyFile, publicKeyFile }
}

function client(server: string, caFile: string, token: string): Cluster['api'] {
  const dispatcher = new Agent({ connect: { ca: readFileSync(caFile) } })
  return async (method, path, body) => {
    const patch = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
    const response = await fetch(`${server}${path}`, {
      method,
      dispatcher,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': typeof body === 'string' ? 'application/yaml' : patch,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json')
    return { status: response.status, body: isJson ? JSON.parse(text) : { text } }
  }
}
