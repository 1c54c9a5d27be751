/** Tokens in the published form, with nobody asked; what a real API server signs is in recorded.int.spec.ts. */
import { CLAIMS } from '@credence/contracts/attestation/claims'
import { describe, expect, it } from 'vitest'
import type { Evidenced } from '../../../api/verifier.ts'
import {
  AUDIENCE,
  createTestCluster,
  evidenced,
  genuineClaims,
  ISSUER,
  NODE,
  NOW,
  POD,
} from '../../../testing/kubernetes-tokens.ts'
import { createKubernetesSat } from './kubernetes-sat.ts'

const cluster = await createTestCluster()
const { verify } = createKubernetesSat(() => undefined)
const BINDING = Buffer.alloc(32, 7).toString('base64url')
const check = async (token: string | Promise<string>, part: Partial<Evidenced<'kubernetes-sat'>> = {}) =>
  verify(new TextEncoder().encode(await token), evidenced({ anchors: [cluster.anchor], ...part }))

const bound = (part: object) => ({ 'kubernetes.io': { ...genuineClaims()['kubernetes.io'], ...part } })
const at = (seconds: number) => ({ now: new Date(NOW.getTime() + seconds * 1000) })

describe('a service-account token', () => {
  it('gives its claims, from its cluster’s keys alone, and says that nobody was asked', async () => {
    const verified = await check(cluster.token())
    expect(verified).toEqual({
      claims: {
        cluster: cluster.anchor.anchor,
        issuer: ISSUER,
        namespace: 'agents',
        service_account: 'meeting-scheduler',
        service_account_uid: expect.any(String),
        pod: POD.name,
        pod_uid: POD.uid,
        node: NODE.name,
        node_uid: NODE.uid,
        reviewed: false,
        nonce_bound: false,
        image_digests: [],
        expires_at: '2026-11-24T12:59:00.000Z',
      },
      anchors: [cluster.anchor.anchor],
      measuredAt: new Date(NOW.getTime() - 60_000),
    })
    expect(CLAIMS['kubernetes-sat'].safeParse('claims' in verified && verified.claims).success).toBe(true)
  })

  it.each(['ES256', 'ES384', 'ES512'])('is taken with the algorithm of an EC key (%s)', async (algorithm) => {
    const elliptic = await createTestCluster(algorithm)
    expect(await check(elliptic.token(), { anchors: [elliptic.anchor] })).toHaveProperty('claims')
  })

  it('says when it was made for this challenge', async () => {
    expect(await check(cluster.token({ aud: [AUDIENCE, BINDING] }))).toHaveProperty('claims.nonce_bound', true)
    expect(await check(cluster.token({ aud: AUDIENCE }))).toHaveProperty('claims.nonce_bound', false)
  })

  it('may leave out its node, the node’s uid, and what an older cluster does not say', async () => {
    expect(await check(cluster.token(bound({ node: undefined })))).not.toHaveProperty('claims.node')
    expect(await check(cluster.token(bound({ node: { name: 'worker-1' } })))).not.toHaveProperty('claims.node_uid')
    expect(await check(cluster.token({ jti: undefined, new_claim: 1 }))).toHaveProperty('claims')
  })

  it('may end in a new line, as a file does', async () =>
    expect(await check(cluster.token().then((token) => `${token}\n`))).toHaveProperty('claims'))

  it('is taken on the second anchor of a cluster whose keys were rotated', async () => {
    const renewed = await createTestCluster('RS256', 'the-new-key')
    const anchors = [cluster.anchor, renewed.anchor]
    expect(await check(renewed.token(), { anchors })).toHaveProperty('anchors', [renewed.anchor.anchor])
  })

  it('lives to the second before its end, and five seconds before its beginning', async () => {
    expect(await check(cluster.token(), at(3539))).toHaveProperty('claims')
    expect(await check(cluster.token(), at(3540))).toEqual({ refused: 'evidence_expired' })
    expect(await check(cluster.token(), at(-65))).toHaveProperty('claims')
    expect(await check(cluster.token(), at(-66))).toEqual({ refused: 'evidence_not_yet_valid' })
  })
})
