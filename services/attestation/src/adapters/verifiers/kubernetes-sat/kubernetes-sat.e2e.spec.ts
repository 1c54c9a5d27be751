/** Through the running service: a cluster is trusted and can be asked, a profile names a service account, an agent attests. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKubernetesSat } from '@credence/attester/evidence/kubernetes-sat'
import { AttestationStatus } from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allOf, anchorFor, asks, profileFor } from '../../../../../../infra/dev/attestation.ts'
import { startApiServer } from '../../../testing/api-server.ts'
import { BLUEPRINT, type House, openHouse, refusalOf } from '../../../testing/house.ts'
import {
  ACCOUNT,
  AUDIENCE,
  createTestCluster,
  ISSUER,
  NODE,
  POD,
  type TestCluster,
} from '../../../testing/kubernetes-tokens.ts'
import { recorded } from '../../../testing/recorded-cluster.ts'

const folder = mkdtempSync(join(tmpdir(), 'credence-kubernetes-sat-'))
const tokenFile = join(folder, 'token')
const produce = createKubernetesSat({ tokenFile })
let cluster: TestCluster
let apiServer: Awaited<ReturnType<typeof startApiServer>>
let house: House

/** What the recorded cluster answered, of the pod that these tokens name: a recorded one would have expired. */
const extra = (name: string, value: string) => ({ [`authentication.kubernetes.io/${name}`]: [value] })
const yes = {
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenReview',
  status: {
    authenticated: true,
    audiences: [AUDIENCE],
    user: {
      username: `system:serviceaccount:agents:${ACCOUNT.name}`,
      uid: ACCOUNT.uid,
      extra: {
        ...extra('pod-name', POD.name),
        ...extra('pod-uid', POD.uid),
        ...extra('node-name', NODE.name),
        ...extra('node-uid', NODE.uid),
      },
    },
  },
}
const running = recorded.pods.running.body
const pod = { ...running, metadata: { ...running.metadata, uid: POD.uid } }
const wellAnswered = { review: { status: 201, json: yes }, pod: { json: pod } }

beforeAll(async () => {
  cluster = await createTestCluster()
  apiServer = await startApiServer(folder)
  const clustersFile = join(folder, 'clusters.json')
  writeFileSync(clustersFile, JSON.stringify({ [ISSUER]: apiServer.access }))
  house = await openHouse({ variables: { CREDENCE_KUBERNETES_CLUSTERS_FILE: clustersFile } })
  await house.blueprint(BLUEPRINT)
  await house.security.approveTrustAnchor({ anchor: anchorWith(JSON.stringify({ keys: [cluster.key] })) })
  await requires({ serviceAccounts: ['agents/meeting-scheduler'], reviewed: true })
}, 120_000)
afterAll(async () => {
  await house?.close()
  await apiServer?.close()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

const anchorWith = (jwks: string) =>
  anchorFor(['kubernetes-sat'], { $case: 'kubernetesCluster', value: { issuer: ISSUER, audience: AUDIENCE, jwks } })

async function requires(part: Parameters<typeof asks>[1]): Promise<void> {
  const profile = profileFor(BLUEPRINT, { rule: allOf(asks('software'), asks('kubernetes-sat', part)) })
  const { version } = await house.security.defineProfile({ profile })
  await house.security.activateProfile({ blueprint: BLUEPRINT, version })
}

const freshToken = (claims: object = {}) => {
  const now = Math.floor(Date.now() / 1000)
  return cluster.token({ iat: now, nbf: now, exp: now + 3600, ...claims })
}

async function attest(token: Promise<string>) {
  writeFileSync(tokenFile, await token)
  const worker = await house.agent()
  const piece = await produce({ nonce: '', binding: Buffer.alloc(32), now: new Date() })
  return worker.attest(undefined, [piece as never])
}

describe('an agent in a pod', () => {
  it('is accepted when its cluster confirms pod and service account, and no token is on record', async () => {
    apiServer.answers(wellAnswered)
    const token = freshToken()
    expect(await attest(token)).toMatchObject({ accepted: true })
    expect(apiServer.asked).toHaveLength(2)
    const results = (await house.read('ATTESTATION')).flatMap(({ facts }) => facts)
    const stored = JSON.stringify(results)
    expect(stored).toContain(POD.uid)
    for (const part of (await token).split('.')) expect(stored).not.toContain(part)
  })

  it('is refused by name when the cluster cannot be asked, or the pod is gone', async () => {
    apiServer.answers({ ...wellAnswered, review: { status: 503, json: {} } })
    expect(await attest(freshToken())).toMatchObject({
      accepted: false,
      status: AttestationStatus.ATTESTATION_STATUS_CONTRAINDICATED,
      reasons: expect.arrayContaining(['kubernetes-sat/review_unavailable']),
    })
    apiServer.answers({ ...wellAnswered, pod: { status: 404, json: recorded.pods.gone.body } })
    expect((await attest(freshToken())).reasons).toContain('kubernetes-sat/pod_gone')
  })

  it('is refused by name with another agent’s service account, or a token for others', async () => {
    apiServer.answers(wellAnswered)
    await requires({ serviceAccounts: ['agents/another'] })
    const other = await attest(freshToken())
    expect(other).toMatchObject({ accepted: false })
    expect(other.reasons).toContain('kubernetes-sat/service_account_not_allowed')
    expect((await attest(freshToken({ aud: ['vault'] }))).reasons).toContain('kubernetes-sat/other_audience')
  })

  it('needs a cluster whose anchor has public keys, and an audience that is not the cluster’s own', async () => {
    const { material, ...rest } = anchorWith(JSON.stringify({ keys: [cluster.key] }))
    const value = { ...(material as { value: object }).value, audience: ISSUER }
    const own = { ...rest, material: { ...material, value } as typeof material }
    expect(await refusalOf(house.security.approveTrustAnchor({ anchor: own }))).toMatchObject({
      status: 'invalid_argument',
      field: 'anchor.kubernetes_cluster.audience',
    })
    for (const jwks of ['{"keys":[]}', JSON.stringify({ keys: [{ ...cluster.key, d: 'AQAB' }] })])
      expect(await refusalOf(house.security.approveTrustAnchor({ anchor: anchorWith(jwks) }))).toMatchObject({
        status: 'invalid_argument',
        field: 'anchor.kubernetes_cluster.jwks',
      })
  })
})
