/** A real kube-apiserver: tokens that it signs, reviews that it gives, and a pod that goes away. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKubernetesSat as createProducer } from '@credence/attester/evidence/kubernetes-sat'
import { evidenceBinding } from '@credence/contracts/attestation/binding'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  AGENT_IMAGE,
  type AgentCluster,
  AUDIENCE,
  HELPER_IMAGE,
  prepareAgents,
  RUNNING,
} from '../../../../../infra/interop/kubernetes/agents.ts'
import { type Cluster, missingCluster, startCluster } from '../../../../../infra/interop/kubernetes/cluster.ts'
import type { Evidenced } from '../../api/verifier.ts'
import { evidenced } from '../../testing/kubernetes-tokens.ts'
import { anchorOf } from '../../testing/recorded-cluster.ts'
import { createKubernetesSat } from '../verifiers/kubernetes-sat/kubernetes-sat.ts'
import { readClusters } from './clusters.ts'
import { createReviews } from './review.ts'

const missing = missingCluster()

describe.skipIf(missing)(`a real kube-apiserver${missing ? ` (skipped: ${missing})` : ''}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'credence-kubernetes-'))
  const tokenFile = join(folder, 'token')
  const reviewerFile = join(folder, 'reviewer-token')
  const produce = createProducer({ tokenFile })
  const nonce = Buffer.alloc(32, 3).toString('base64url')
  const base = evidenced()
  const { keyThumbprint } = base.agent
  const binding = evidenceBinding({ kind: 'kubernetes-sat', nonce, keyThumbprint, audience: AUDIENCE })
  let cluster: Cluster
  let agents: AgentCluster
  let reviews: ReturnType<typeof createReviews>
  let keys: object

  beforeAll(async () => {
    cluster = await startCluster(folder)
    agents = await prepareAgents(cluster)
    keys = JSON.parse(await agents.keys())
    writeFileSync(reviewerFile, await agents.reviewerToken())
    const clustersFile = join(folder, 'clusters.json')
    const access = { server: cluster.server, ca_file: cluster.caFile, token_file: reviewerFile }
    writeFileSync(clustersFile, JSON.stringify({ [cluster.issuer]: access }))
    reviews = createReviews(readClusters(clustersFile))
  }, 120_000)
  afterAll(async () => {
    await reviews?.close()
    await cluster?.stop()
    rmSync(folder, { recursive: true, force: true })
  }, 60_000)

  const about = (): Evidenced<'kubernetes-sat'> => ({
    ...base,
    nonce,
    binding,
    now: new Date(),
    anchors: [anchorOf({ issuer: cluster.issuer, audience: AUDIENCE, keys })],
  })
  /** As the kubelet writes the file, and the helper beside the agent sends what is in it. */
  const attest = async (token: string, kind = createKubernetesSat(reviews.reviewOf)) => {
    writeFileSync(tokenFile, token)
    const { content } = await produce({ nonce, binding, now: new Date() })
    return kind.verify(content, about())
  }

  const refusedOf = (outcome: object) => ('refused' in outcome ? outcome.refused : 'nothing')

  it('confirms the token of a pod that runs, by its node and images', async () =>
    expect(await attest(await agents.token({ boundTo: 'Pod' }))).toMatchObject({
      claims: {
        reviewed: true,
        nonce_bound: false,
        node: 'worker-1',
        image_digests: [AGENT_IMAGE, HELPER_IMAGE],
        service_account: 'meeting-scheduler',
      },
    }))

  it('signs the binding of a challenge as an audience beside ours', async () => {
    const audiences = [AUDIENCE, binding.toString('base64url')]
    const token = await agents.token({ boundTo: 'Pod', audiences })
    expect(await attest(token)).toHaveProperty('claims.nonce_bound', true)
  })

  it('signs what is for others, for longer, or for no pod, and we refuse it', async () => {
    const { token } = agents
    expect(await attest(await token({ boundTo: 'Pod', audiences: ['vault'] }))).toEqual({ refused: 'other_audience' })
    expect(await attest(await token({ boundTo: 'Pod', seconds: 100_000 }))).toEqual({ refused: 'token_lives_too_long' })
    expect(await attest(await token({}))).toEqual({ refused: 'pod_binding_missing' })
    expect(await attest(await token({ boundTo: 'Secret' }))).toEqual({ refused: 'pod_binding_missing' })
  })

  it('does not answer a stranger: the agent’s own account may not ask', async () => {
    const reviewer = await agents.reviewerToken()
    const token = await agents.token({ boundTo: 'Pod' })
    writeFileSync(reviewerFile, await agents.token({ boundTo: 'Pod', audiences: [cluster.issuer] }))
    expect(await attest(token)).toMatchObject({ refused: 'review_unavailable' })
    writeFileSync(reviewerFile, reviewer)
    expect(await attest(token)).toHaveProperty('claims.reviewed', true)
  })

  it('tells of a pod that has ended, of one that is gone, and of another that came after it', async () => {
    const token = await agents.token({ boundTo: 'Pod' })
    expect(await attest(token)).toHaveProperty('claims')
    await agents.report({ phase: 'Succeeded' })
    expect(await attest(token)).toEqual({ refused: 'pod_not_running' })
    await agents.report(RUNNING)
    expect(await attest(token)).toHaveProperty('claims')
    await agents.deletePod()
    // It keeps its yes to a token for ten seconds: what we see after that depends on how fast this machine is.
    expect(['pod_gone', 'review_not_authenticated']).toContain(refusedOf(await attest(token)))
    await agents.createPod()
    expect(['pod_other', 'review_not_authenticated']).toContain(refusedOf(await attest(token)))
    // Its keys alone still say yes: what the lower tier cannot see.
    const offline = createKubernetesSat(() => undefined)
    expect(await attest(token, offline)).toHaveProperty('claims.reviewed', false)
  })

  it('gives no answer when it is away, and the token is refused', async () => {
    const token = await agents.token({ boundTo: 'Pod' })
    await cluster.stop()
    expect(await attest(token)).toMatchObject({ refused: 'review_unavailable' })
  })
})
