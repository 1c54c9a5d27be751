/** Tokens that a real API server signed, with nobody asked: what its keys alone can say. */
import { describe, expect, it } from 'vitest'
import { createTestCluster, evidenced } from '../../../testing/kubernetes-tokens.ts'
import { anchorOf, RECORDED_AT, recorded } from '../../../testing/recorded-cluster.ts'
import { createKubernetesSat } from './kubernetes-sat.ts'

const { tokens } = recorded
const { verify } = createKubernetesSat(() => undefined)
const anchor = anchorOf(recorded)
const BINDING = Buffer.from(recorded.binding, 'base64url')
const check = (token: string, part: object = {}) =>
  verify(new TextEncoder().encode(token), evidenced({ now: RECORDED_AT, anchors: [anchor], binding: BINDING, ...part }))
const later = (seconds: number) => ({ now: new Date(RECORDED_AT.getTime() + seconds * 1000) })

describe(`a token of Kubernetes ${recorded.kubernetes}`, () => {
  it('names pod, node and service account, and that nobody was asked', async () => {
    expect(await check(tokens.projected)).toMatchObject({
      claims: {
        issuer: recorded.issuer,
        namespace: 'agents',
        service_account: 'meeting-scheduler',
        pod: 'meeting-scheduler',
        pod_uid: recorded.pods.running.body.metadata.uid,
        node: 'worker-1',
        reviewed: false,
        nonce_bound: false,
        image_digests: [],
      },
      anchors: [anchor.anchor],
    })
  })

  it('may be signed by an EC key, and only by the one of its cluster', async () => {
    const { token, keys } = recorded.elliptic
    expect(await check(token, { anchors: [anchorOf({ ...recorded, keys })], ...later(60) })).toHaveProperty('claims')
    expect(await check(token, later(60))).toEqual({ refused: 'key_unknown' })
  })

  it('says that it was made for the challenge, when it was', async () => {
    expect(await check(tokens.bound_to_challenge)).toHaveProperty('claims.nonce_bound', true)
    expect(await check(tokens.bound_to_challenge, { binding: Buffer.alloc(32, 9) })).toEqual({
      refused: 'nonce_mismatch',
    })
  })

  it.each([
    ['other_audience', 'for_others'],
    ['other_audience', 'for_others_too'],
    ['token_lives_too_long', 'for_two_days'],
    ['other_audience', 'for_a_year'],
    ['pod_binding_missing', 'bound_to_nothing'],
    ['pod_binding_missing', 'bound_to_node'],
    ['pod_binding_missing', 'bound_to_secret'],
  ] as const)('is refused as %s when it is %s', async (refused, name) =>
    expect(await check(tokens[name])).toMatchObject({ refused }),
  )

  it('is refused when it is the API server’s own and lives for a year, though an anchor names that audience', async () => {
    const anchors = [anchorOf({ ...recorded, audience: recorded.issuer })]
    expect(await check(tokens.for_a_year, { anchors })).toEqual({ refused: 'token_lives_too_long' })
  })

  it('is refused an hour later, and an hour before', async () => {
    expect(await check(tokens.projected, later(3600))).toEqual({ refused: 'evidence_expired' })
    expect(await check(tokens.projected, later(-3600))).toEqual({ refused: 'evidence_not_yet_valid' })
  })

  it('is refused when its issuer’s keys are another cluster’s', async () => {
    const { key } = await createTestCluster()
    const named = { ...key, kid: (recorded.keys as { keys: { kid: string }[] }).keys[0]?.kid }
    expect(await check(tokens.projected, { anchors: [anchorOf({ ...recorded, keys: { keys: [key] } })] })).toEqual({
      refused: 'key_unknown',
    })
    expect(await check(tokens.projected, { anchors: [anchorOf({ ...recorded, keys: { keys: [named] } })] })).toEqual({
      refused: 'signature_invalid',
    })
  })
})
