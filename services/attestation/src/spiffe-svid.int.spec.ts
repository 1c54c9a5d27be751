/** SVIDs of another trust domain as evidence, over real gRPC and NATS. */
import { evidenceBinding } from '@credence/contracts/attestation/binding'
import { proveSvidKey } from '@credence/shared/spiffe/svid-proof'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allOf, anchorFor, asks, profileFor } from '../../../infra/dev/attestation.ts'
import { type ForeignDomain, foreignDomain } from '../../../infra/testing/foreign-domain.ts'
import { BLUEPRINT, COMPOSITION, type House, openHouse, refusalOf, sent, until, type Worker } from './testing/house.ts'

let house: House
let foreign: ForeignDomain
let worker: Worker
beforeAll(async () => {
  house = await openHouse()
  foreign = await foreignDomain('foreign.example', new Date())
  await house.blueprint(BLUEPRINT)
  const rule = allOf(
    asks('software'),
    asks('spiffe-svid', { spiffeIds: ['spiffe://foreign.example/ns/prod/*'], keyBound: true }),
  )
  const { version } = await house.security.defineProfile({ profile: profileFor(BLUEPRINT, { rule }) })
  await house.security.activateProfile({ blueprint: BLUEPRINT, version })
  worker = await house.agent()
})
afterAll(async () => house?.close())

const anchor = (domain: ForeignDomain, bundle = domain.bundle, bundleEndpoint = '') =>
  anchorFor(['spiffe-svid'], {
    $case: 'spiffeTrustDomain',
    value: { trustDomain: domain.trustDomain, bundle, bundleEndpoint },
  })
type Shown = (binding: Buffer) => Promise<object>
const x509 =
  (path: string): Shown =>
  async (binding) => {
    const { chain, key } = await foreign.svid(path)
    const proof = proveSvidKey(key, binding).toString('base64url')
    return { form: 'x509', chain: chain.map((der) => Buffer.from(der).toString('base64')), proof }
  }
const jwt =
  (path: string, bound: boolean): Shown =>
  async (binding) => {
    const beside = bound ? [binding.toString('base64url')] : []
    return { form: 'jwt', token: await foreign.token(path, { aud: [house.audience, ...beside] }) }
  }
/** Answers a challenge with one SVID beside the statement. */
async function attest(shown: Shown, of: Worker = worker) {
  const challenge = await of.challenge()
  const about = { nonce: challenge.nonce, keyThumbprint: of.key.thumbprint, audience: house.audience }
  const content = Buffer.from(JSON.stringify(await shown(evidenceBinding({ kind: 'spiffe-svid', ...about }))))
  const evidence = [{ kind: 'spiffe-svid' as const, content }]
  const statement = await of.statement(challenge, COMPOSITION, evidence)
  return of.client.submitEvidence({ challengeId: challenge.challengeId, statement, evidence: sent(evidence) })
}

describe('an agent that runs as a workload of another trust domain', () => {
  let anchorId: string

  it('is not accepted before somebody has approved that domain', async () => {
    expect(await attest(x509('/ns/prod/sa/scheduler'))).toMatchObject({
      accepted: false,
      status: 'ATTESTATION_STATUS_CONTRAINDICATED',
      reasons: expect.arrayContaining(['spiffe-svid/anchor_unknown']),
    })
    anchorId = (await house.security.approveTrustAnchor({ anchor: anchor(foreign) })).anchorId
  })

  it('is accepted by X.509-SVID or bound JWT-SVID, and the result says which workload and by whose word', async () => {
    for (const [form, shown] of [
      ['x509', x509('/ns/prod/sa/scheduler')],
      ['jwt', jwt('/ns/prod/sa/scheduler', true)],
    ] as const) {
      const answer = await attest(shown)
      expect(answer, JSON.stringify(answer.reasons)).toMatchObject({ accepted: true })
      const result = await house.security.getResult({ agentId: worker.agentId, notBefore: [answer.position] })
      const piece = result.evidence.find(({ kind }) => kind === 'spiffe-svid')
      expect(JSON.parse(piece?.claims ?? '')).toMatchObject({
        spiffe_id: 'spiffe://foreign.example/ns/prod/sa/scheduler',
        trust_domain: 'foreign.example',
        form,
        key_bound: true,
      })
    }
  })

  it('is refused as another workload, and by a bearer token where the profile asks for more', async () => {
    for (const [shown, reason] of [
      [x509('/ns/dev/sa/scheduler'), 'workload_not_allowed'],
      [jwt('/ns/prod/sa/scheduler', false), 'not_key_bound'],
    ] as const)
      expect(await attest(shown)).toMatchObject({
        accepted: false,
        reasons: expect.arrayContaining([`spiffe-svid/${reason}`]),
      })
  })

  it('is refused with what another agent was given', async () => {
    const other = await house.agent()
    let theirs: object = {}
    await attest(async (binding) => {
      theirs = await x509('/ns/prod/sa/scheduler')(binding)
      return theirs
    }, other)
    expect(await attest(async () => theirs)).toMatchObject({
      accepted: false,
      status: 'ATTESTATION_STATUS_CONTRAINDICATED',
      reasons: expect.arrayContaining(['spiffe-svid/binding_invalid']),
    })
  })

  it('stops being attested when that domain is trusted no more', async () => {
    const fresh = await house.agent()
    const { position } = await attest(x509('/ns/prod/sa/scheduler'), fresh)
    const withdrawn = await house.security.withdrawTrustAnchor({ anchorId, reason: 'Their server was taken over.' })
    expect(withdrawn.agents).toBeGreaterThan(0)
    const now = () => house.security.getResult({ agentId: fresh.agentId, notBefore: [position, withdrawn.position] })
    expect((await until(now, ({ revoked }) => revoked !== '')).revoked).not.toBe('')
    expect(await attest(x509('/ns/prod/sa/scheduler'), fresh)).toMatchObject({ accepted: false })
  })
})

describe('an anchor for a trust domain', () => {
  const approve = (wanted: ReturnType<typeof anchor>) =>
    refusalOf(house.security.approveTrustAnchor({ anchor: wanted }))
  const field = (name: string) => ({
    status: 'invalid_argument',
    reason: 'invalid_field',
    field: `anchor.spiffe_trust_domain.${name}`,
  })

  it('is refused for our own domain, without a bundle that is one, and with an endpoint that is none', async () => {
    const ours = await foreignDomain(house.stack.trustDomain, new Date())
    expect(await approve(anchor(ours))).toEqual(field('trust_domain'))
    for (const bundle of ['{}', '{"keys":7}', '[]', 'x'])
      expect(await approve(anchor(foreign, bundle))).toEqual(field('bundle'))
    for (const endpoint of ['http://foreign.example/', 'https://user@foreign.example/', 'x'])
      expect(await approve(anchor(foreign, foreign.bundle, endpoint))).toEqual(field('bundle_endpoint'))
    expect(await approve(anchor({ ...foreign, trustDomain: 'Foreign' }))).toEqual(field('trust_domain'))
  })

  it('keeps its endpoint', async () => {
    const endpoint = 'https://bundles.foreign.example/'
    const { anchorId } = await house.security.approveTrustAnchor({ anchor: anchor(foreign, foreign.bundle, endpoint) })
    const { anchors } = await house.security.listTrustAnchors({ withdrawn: false, pageSize: 50, pageToken: '' })
    expect(anchors.find(({ id }) => id === anchorId)?.material).toMatchObject({ value: { bundleEndpoint: endpoint } })
  })
})
