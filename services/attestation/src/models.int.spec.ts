/** Signed models and images, from the folder to the result, over real gRPC and NATS. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { containerImageProducer } from '@credence/attester/evidence/container-image'
import { modelSigningProducer } from '@credence/attester/evidence/model-signing'
import { createHashing } from '@credence/attester/hashing/hashing'
import { sha256 } from '@credence/shared/digest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { anchorFor, asks, profileFor, referenceFor } from '../../../infra/dev/attestation.ts'
import { evidenced } from '../../../infra/testing/evidenced.ts'
import { BLUEPRINT, COMPOSITION, type House, openHouse, until } from './testing/house.ts'

const demo = (path: string) => fileURLToPath(new URL(`../../../infra/${path}`, import.meta.url))
const hashing = createHashing()
const folder = mkdtempSync(join(tmpdir(), 'attested-model-'))
const [model, changed] = [join(folder, 'model'), join(folder, 'changed')]
let house: House

beforeAll(async () => {
  for (const copy of [model, changed]) cpSync(demo('demo/agent/model'), copy, { recursive: true })
  house = await openHouse()
  await house.blueprint(BLUEPRINT)
})
afterAll(async () => {
  await house?.close()
  await hashing.close()
  rmSync(folder, { recursive: true })
})

const activate = async (...[kind, part]: Parameters<typeof asks>) => {
  const { version } = await house.security.defineProfile({ profile: profileFor(BLUEPRINT, { rule: asks(kind, part) }) })
  await house.security.activateProfile({ blueprint: BLUEPRINT, version })
}

describe('an agent with a signed model', () => {
  const { dsseEnvelope } = JSON.parse(readFileSync(join(demo('demo/agent/model'), 'model.sig'), 'utf8'))
  const statement_digest = sha256(Buffer.from(dsseEnvelope.payload, 'base64'))
  const composition = { ...COMPOSITION, model: statement_digest }
  const shown = (of: string) =>
    modelSigningProducer({ folder: of, signature: join(of, 'model.sig') }, { hashing })(evidenced('model-signing'))
  const worker = () =>
    house.agent({ model: { provider: 'acme', name: 'intent-small', version: '1.2.0', digest: statement_digest } })
  let referenceId: string

  beforeAll(async () => {
    const pem = readFileSync(demo('demo/builder/model-signer.pem'), 'utf8')
    const key = { $case: 'publicKey' as const, value: { pem, provider: '' } }
    const { anchorId } = await house.security.approveTrustAnchor({ anchor: anchorFor(['model-signing'], key) })
    const value = { $case: 'model' as const, value: { statementDigest: statement_digest, signer: anchorId } }
    const approved = await house.security.approveReferenceValue({
      reference: referenceFor(BLUEPRINT, value, 'intent-small 1.2.0'),
    })
    referenceId = approved.referenceId
    await activate('model-signing', { grade: 'files', signers: [anchorId] })
  })

  it('is affirmed: the folder holds the approved files', async () => {
    expect(await (await worker()).attest(composition, [await shown(model)])).toMatchObject({
      accepted: true,
      status: 'ATTESTATION_STATUS_AFFIRMING',
    })
  })

  it('is refused with a changed copy, and told which code', async () => {
    writeFileSync(join(changed, 'model.json'), readFileSync(join(model, 'model.json'), 'utf8').replace('1.4', '9.4'))
    expect(await (await worker()).attest(composition, [await shown(changed)])).toMatchObject({
      accepted: false,
      status: 'ATTESTATION_STATUS_CONTRAINDICATED',
      reasons: expect.arrayContaining(['model-signing/file_changed']),
    })
  })

  it('is refused when it shows nothing, or only claims the model', async () => {
    expect(await (await worker()).attest(composition)).toMatchObject({ accepted: false })
    const claim = { provider: 'acme', name: 'intent-small', version: '1.2.0' }
    const claimed = await modelSigningProducer(claim, { hashing })(evidenced('model-signing'))
    expect(await (await worker()).attest(composition, [claimed])).toMatchObject({
      accepted: false,
      reasons: expect.arrayContaining(['model-signing/grade_too_low']),
    })
  })

  it('loses its result when the model’s reference value is withdrawn', async () => {
    const agent = await worker()
    expect(await agent.attest(composition, [await shown(model)])).toMatchObject({ accepted: true })
    await house.security.withdrawReferenceValue({ referenceId, reason: 'poisoned' })
    const ask = () => house.security.getResult({ agentId: agent.agentId, notBefore: [] })
    expect(await until(ask, ({ revoked }) => revoked !== '')).toMatchObject({ revoked: expect.stringMatching(/./) })
    expect(await agent.attest(composition, [await shown(model)])).toMatchObject({
      accepted: false,
      reasons: expect.arrayContaining(['model-signing/statement_not_referenced']),
    })
  })
})

describe('an agent in a container', () => {
  const image = sha256(readFileSync(demo('testing/provenance/image-manifest')))
  const bundle = demo('testing/provenance/cosign-key.sigstore.json')
  const attest = async () => {
    const piece = await containerImageProducer({ bundle, image: `sha256:${image}` })(evidenced('container-image'))
    return (await house.agent()).attest({ ...COMPOSITION, program: image }, [piece])
  }

  it('is affirmed by provenance of its image, and refused where the profile allows other sources', async () => {
    const pem = readFileSync(demo('testing/provenance/cosign-key.pub'), 'utf8')
    const key = { $case: 'publicKey' as const, value: { pem, provider: '' } }
    await house.security.approveTrustAnchor({ anchor: anchorFor(['container-image'], key) })
    const builders = ['https://builds.example/*']
    await activate('container-image', { builders, sources: ['git+https://code.example/acme/scheduler@refs/tags/*'] })
    expect(await attest()).toMatchObject({ accepted: true, status: 'ATTESTATION_STATUS_AFFIRMING' })
    await activate('container-image', { builders, sources: ['git+https://code.example/acme/other@*'] })
    expect(await attest()).toMatchObject({
      accepted: false,
      reasons: expect.arrayContaining(['container-image/source_not_allowed']),
    })
  })
})
