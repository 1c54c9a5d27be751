/** Writes recorded.json: what a real API server gave and answered. Run it when the version of Kubernetes changes (README.md). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { AUDIENCE, prepareAgents } from './agents.ts'
import { type Cluster, ISSUER, startCluster } from './cluster.ts'

const YES_IS_KEPT_MS = 12_000
/** A binding as `evidenceBinding` makes it, of a challenge that never was. */
const BINDING = Buffer.alloc(32, 7).toString('base64url')

const both = { ...(await inCluster('rsa', recorded)), elliptic: await inCluster('ec', elliptic) }
writeFileSync(fileURLToPath(new URL('recorded.json', import.meta.url)), `${JSON.stringify(both, null, 2)}\n`)

async function inCluster<T>(signsWith: 'rsa' | 'ec', asked: (cluster: Cluster) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'credence-kubernetes-'))
  const cluster = await startCluster(folder, signsWith)
  try {
    return await asked(cluster)
  } finally {
    await cluster.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What a cluster signs whose key is an EC key. */
async function elliptic(cluster: Cluster) {
  const agents = await prepareAgents(cluster)
  return { token: await agents.token({ boundTo: 'Pod' }), keys: JSON.parse(await agents.keys()) }
}

async function recorded(cluster: Cluster) {
  const { api } = cluster
  const agents = await prepareAgents(cluster)
  const review = async (token: string, audience = AUDIENCE) => {
    const { body } = await api('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, audiences: [audience] },
    })
    // The answer repeats the token, which stands in `tokens`.
    const { spec: _, metadata: __, ...answer } = body
    return answer
  }
  const tokens = {
    projected: await agents.token({ boundTo: 'Pod' }),
    bound_to_challenge: await agents.token({ boundTo: 'Pod', audiences: [AUDIENCE, BINDING] }),
    for_others: await agents.token({ boundTo: 'Pod', audiences: ['vault'] }),
    for_others_too: await agents.token({ boundTo: 'Pod', audiences: [AUDIENCE, 'vault'] }),
    for_two_days: await agents.token({ boundTo: 'Pod', seconds: 172_800 }),
    // What the API server lets live for a year, so that old clients go on: its own audience, and this very lifetime.
    for_a_year: await agents.token({ boundTo: 'Pod', audiences: [ISSUER], seconds: 3607 }),
    bound_to_nothing: await agents.token({}),
    bound_to_node: await agents.token({ boundTo: 'Node' }),
    bound_to_secret: await agents.token({ boundTo: 'Secret' }),
  }
  const pod = await agents.pod()
  const reviews: Record<string, unknown> = {
    projected: await review(tokens.projected),
    for_others: await review(tokens.for_others),
    bound_to_node: await review(tokens.bound_to_node),
  }
  await agents.report({ phase: 'Succeeded' })
  const ended = await agents.pod()
  await agents.deletePod()
  const gone = await agents.pod()
  // The API server keeps its yes for ten seconds, and for as long confirms the token of a pod that is gone.
  reviews.pod_just_gone = await review(tokens.projected)
  await delay(YES_IS_KEPT_MS)
  reviews.pod_gone = await review(tokens.projected)
  await agents.createPod()
  const replaced = await agents.pod()
  reviews.pod_replaced = await review(tokens.projected)
  return {
    kubernetes: (await api('GET', '/version')).body.gitVersion,
    recorded_at: new Date().toISOString(),
    issuer: ISSUER,
    audience: AUDIENCE,
    binding: BINDING,
    keys: JSON.parse(await agents.keys()),
    tokens,
    reviews,
    pods: { running: pod, ended, gone, replaced },
  }
}
