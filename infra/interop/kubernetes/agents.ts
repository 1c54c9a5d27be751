/** A cluster with one agent in it: what examples/kubernetes describes, on a node, running as a kubelet would report it. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Answer, Cluster } from './cluster.ts'

const EXAMPLES = fileURLToPath(new URL('../../../examples/kubernetes/', import.meta.url))

export const AUDIENCE = 'spiffe://acme.example/service/attestation'
export const NAMESPACE = 'agents'
export const ACCOUNT = 'meeting-scheduler'
export const POD = 'meeting-scheduler'
export const NODE = 'worker-1'
export const AGENT_IMAGE = '1'.repeat(64)
export const HELPER_IMAGE = '2'.repeat(64)

const PLACES: Record<string, string> = {
  Namespace: '/api/v1/namespaces',
  Node: '/api/v1/nodes',
  ServiceAccount: `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`,
  Pod: `/api/v1/namespaces/${NAMESPACE}/pods`,
  Secret: `/api/v1/namespaces/${NAMESPACE}/secrets`,
  ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
  Role: `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/roles`,
  RoleBinding: `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/rolebindings`,
}

export type AgentCluster = {
  /** A token for the agent’s service account, as a kubelet asks for it (TokenRequest). `boundTo` absent: to no object. */
  token(asked: { audiences?: string[]; seconds?: number; boundTo?: 'Pod' | 'Node' | 'Secret' }): Promise<string>
  /** A token for Credence’s attestation service, as examples/kubernetes/reviewer.yaml lets it have. */
  reviewerToken(): Promise<string>
  keys(): Promise<string>
  pod(): Promise<Answer>
  /** Sets what a kubelet reports. */
  report(status: object): Promise<void>
  deletePod(): Promise<void>
  createPod(): Promise<void>
}

export async function prepareAgents({ api }: Cluster): Promise<AgentCluster> {
  const create = async (kind: string, body: object | string) => {
    const { status, body: answer } = await api('POST', PLACES[kind] ?? '', body)
    if (status !== 201) throw new Error(`${kind}: ${status} ${answer.message}`)
    return (answer.metadata as { uid: string }).uid
  }
  const applied = async (file: string, wanted: (kind: string) => boolean) => {
    for (const document of readFileSync(`${EXAMPLES}${file}`, 'utf8').split('\n---\n')) {
      const kind = /^kind: (\w+)$/m.exec(document)?.[1] ?? ''
      if (wanted(kind)) await create(kind, document)
    }
  }
  await create('Namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } })
  const node = await create('Node', { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE } })
  const secret = await create('Secret', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'some-secret' } })
  await applied('agent.yaml', (kind) => kind !== 'Pod')
  await applied('reviewer.yaml', () => true)

  const tokenOf = async (account: string, spec: object) => {
    const { status, body } = await api('POST', `${PLACES.ServiceAccount}/${account}/token`, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec,
    })
    if (status !== 201) throw new Error(`TokenRequest: ${status} ${body.message}`)
    return (body.status as { token: string }).token
  }
  const path = `${PLACES.Pod}/${POD}`
  const report = async (status: object) => {
    const { status: code, body } = await api('PATCH', `${path}/status`, { status })
    if (code !== 200) throw new Error(`status: ${code} ${body.message}`)
  }
  const createPod = async () => {
    await applied('agent.yaml', (kind) => kind === 'Pod')
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: POD }, target: { kind: 'Node', name: NODE } }
    const { status, body } = await api('POST', `${path}/binding`, binding)
    if (status !== 201) throw new Error(`Binding: ${status} ${body.message}`)
    await report(RUNNING)
  }
  await createPod()
  const names = { Pod: POD, Node: NODE, Secret: 'some-secret' }
  const uidOf = async (kind: keyof typeof names): Promise<string> => {
    if (kind !== 'Pod') return kind === 'Node' ? node : secret
    const { body } = await api('GET', path)
    return (body.metadata as { uid: string }).uid
  }
  return {
    token: async ({ audiences = [AUDIENCE], seconds = 3600, boundTo }) =>
      tokenOf(ACCOUNT, {
        audiences,
        expirationSeconds: seconds,
        ...(boundTo
          ? { boundObjectRef: { apiVersion: 'v1', kind: boundTo, name: names[boundTo], uid: await uidOf(boundTo) } }
          : {}),
      }),
    reviewerToken: () => tokenOf('credence-attestation', { expirationSeconds: 3600 }),
    keys: async () => JSON.stringify((await api('GET', '/openid/v1/jwks')).body),
    pod: () => api('GET', path),
    report,
    deletePod: async () => {
      const { status, body } = await api('DELETE', `${path}?gracePeriodSeconds=0`)
      if (status !== 200) throw new Error(`DELETE: ${status} ${body.message}`)
    },
    createPod,
  }
}

const containerOf = (name: string, image: string) => ({
  name,
  image: `registry.example/${name}@sha256:${image}`,
  imageID: `registry.example/${name}@sha256:${image}`,
  containerID: `containerd://${'c'.repeat(64)}`,
  ready: true,
  started: true,
  restartCount: 0,
  state: { running: { startedAt: '2026-11-25T00:00:00Z' } },
})

/** As a kubelet with containerd reports a pod whose images came from a registry. */
export const RUNNING = {
  phase: 'Running',
  containerStatuses: [containerOf('agent', AGENT_IMAGE), containerOf('attest-agent', HELPER_IMAGE)],
}
