/** The reference signer itself, where it is installed: it signs a folder, the attester measures it, the verifier checks it. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { modelSigningProducer } from '@credence/attester/evidence/model-signing'
import { createHashing } from '@credence/attester/hashing/hashing'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { anchorOf, evidenced } from '../../../../../../infra/testing/evidenced.ts'
import {
  modelSigningMissing,
  type SigningWishes,
  signModel,
  writeModel,
} from '../../../../../../infra/testing/model-signing/sign.ts'
import { type Algorithm, certify, newSigner, type Signer } from '../../../../../../infra/testing/signers.ts'
import { modelSigningVerifier } from './model-signing.ts'

const missing = modelSigningMissing()
const SAN = 'https://models.example/release'

describe.skipIf(missing)(`model-signing of PyPI${missing && ` (skipped: ${missing})`}`, () => {
  const hashing = createHashing()
  const folder = mkdtempSync(join(tmpdir(), 'signed-'))
  const model = join(folder, 'intent-small')
  const signature = join(model, 'model.sig')
  afterAll(async () => {
    await hashing.close()
    rmSync(folder, { recursive: true })
  })
  beforeEach(() => {
    rmSync(model, { recursive: true, force: true })
    writeModel(model)
  })

  async function shown(anchor: ReturnType<typeof anchorOf>) {
    const about = evidenced('model-signing', { anchors: [anchor] })
    const { content } = await modelSigningProducer({ folder: model, signature }, { hashing })(about)
    return modelSigningVerifier.verify(content, about)
  }
  const keyAnchor = (signer: Signer) => anchorOf('model-signing', { type: 'public-key', pem: signer.publicPem })

  it.each<[Algorithm, SigningWishes]>([
    ['P-256', {}],
    ['P-384', {}],
    ['P-384', { shardSize: 7 }],
    ['P-256', { algorithm: 'blake2' }],
    ['P-521', { algorithm: 'blake2', shardSize: 5 }],
  ])('signs with a key on %s, %j', async (algorithm, wishes) => {
    const signer = await newSigner(algorithm)
    signModel(model, signature, signer, wishes)
    expect(await shown(keyAnchor(signer))).toHaveProperty('claims')
    writeFileSync(join(model, 'weights/part-2.bin'), '0123456780')
    expect(await shown(keyAnchor(signer))).toMatchObject({ refused: 'file_changed' })
  })

  it.each<Algorithm>(['P-256', 'P-384'])('signs under an authority, on %s', async (algorithm) => {
    const root = await certify({ ca: true, algorithm, subject: 'CN=Models root' })
    const between = await certify({ by: root, ca: true, algorithm, subject: 'CN=Models intermediate' })
    const leaf = await certify({ by: between, algorithm, names: [{ type: 'url', value: SAN }] })
    signModel(model, signature, leaf, { chain: [leaf, between] })
    const anchor = (san: string) =>
      anchorOf('model-signing', { type: 'certificate-authority', pem: root.pem, identities: [{ san }] })
    expect(await shown(anchor(SAN))).toHaveProperty('claims')
    expect(await shown(anchor('https://models.example/other'))).toEqual({ refused: 'signer_identity_unknown' })
  })

  it('leaves out what the signature says, and nothing else', async () => {
    mkdirSync(join(model, 'cache'))
    writeFileSync(join(model, 'cache/old.bin'), 'x')
    const signer = await newSigner()
    signModel(model, signature, signer, { ignorePaths: [join(model, 'cache')] })
    writeFileSync(join(model, 'cache/new.bin'), 'y')
    expect(await shown(keyAnchor(signer))).toHaveProperty('claims')
    mkdirSync(join(model, 'weights/cache'))
    writeFileSync(join(model, 'weights/cache/new.bin'), 'y')
    expect(await shown(keyAnchor(signer))).toMatchObject({ refused: 'file_extra' })
  })

  it('follows links when it was told to, and so does the attester', async () => {
    writeFileSync(join(folder, 'blob'), 'weights in a cache')
    symlinkSync(join(folder, 'blob'), join(model, 'weights/part-3.bin'))
    const signer = await newSigner()
    expect(() => signModel(model, signature, signer)).toThrow(/symlink/)
    signModel(model, signature, signer, { allowSymlinks: true })
    expect(await shown(keyAnchor(signer))).toMatchObject({ claims: { files: 7 } })
    writeFileSync(join(folder, 'blob'), 'other weights')
    expect(await shown(keyAnchor(signer))).toMatchObject({ refused: 'file_changed' })
  })

  it.each<SigningWishes>([{}, { shardSize: 7 }])('signs a model of one file, %j', async (wishes) => {
    const file = join(folder, 'small.bin')
    writeFileSync(file, 'weights of a small model')
    const signer = await newSigner()
    signModel(file, `${file}.sig`, signer, wishes)
    const about = evidenced('model-signing', { anchors: [keyAnchor(signer)] })
    const look = async () => {
      const { content } = await modelSigningProducer({ file, signature: `${file}.sig` }, { hashing })(about)
      return modelSigningVerifier.verify(content, about)
    }
    expect(await look()).toMatchObject({ claims: { name: 'small.bin', files: 1 } })
    writeFileSync(file, 'weights of a smaller one')
    expect(await look()).toEqual({ refused: 'file_changed', detail: expect.any(String) })
  })

  it('signs anew, and it is another model: only its statement tells the versions apart', async () => {
    const signer = await newSigner()
    signModel(model, signature, signer)
    const first = await shown(keyAnchor(signer))
    writeFileSync(join(model, 'weights/part-2.bin'), 'a later version')
    signModel(model, signature, signer)
    const second = await shown(keyAnchor(signer))
    if (!('claims' in first && 'claims' in second)) throw new Error('not signed')
    expect(second.claims.name).toBe(first.claims.name)
    expect(second.claims.statement_digest).not.toBe(first.claims.statement_digest)
  })
})
