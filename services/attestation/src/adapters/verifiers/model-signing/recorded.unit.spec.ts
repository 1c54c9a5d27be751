/** Signatures that the reference signer made (infra/testing/model-signing/recorded), over a folder that is written anew. */
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { modelSigningProducer } from '@credence/attester/evidence/model-signing'
import { createHashing } from '@credence/attester/hashing/hashing'
import type { AnchorMaterial } from '@credence/contracts/attestation/trust'
import { sha256 } from '@credence/shared/digest'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { anchorOf, evidenced } from '../../../../../../infra/testing/evidenced.ts'
import { MODEL, writeModel } from '../../../../../../infra/testing/model-signing/sign.ts'
import { modelSigningVerifier } from './model-signing.ts'

const RECORDED = new URL('../../../../../../infra/testing/model-signing/recorded/', import.meta.url)
const recorded = (name: string) => readFileSync(new URL(name, RECORDED), 'utf8')
const SIGNER = 'https://models.example/release'

const hashing = createHashing()
const folder = mkdtempSync(join(tmpdir(), 'model-'))
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

const anchorFor = (name: string) => {
  const pem = recorded(`${name}.pem`)
  const material: AnchorMaterial = name.startsWith('certificate')
    ? { type: 'certificate-authority', pem, identities: [{ san: SIGNER }] }
    : { type: 'public-key', pem }
  return anchorOf('model-signing', material)
}

/** Shows the folder as it is now under a recorded signature. */
async function shown(name: string) {
  writeFileSync(signature, recorded(`${name}.sig`))
  const about = evidenced('model-signing', { anchors: [anchorFor(name)] })
  const { content } = await modelSigningProducer({ folder: model, signature }, { hashing })(about)
  return modelSigningVerifier.verify(content, about)
}
const payloadOf = (name: string) =>
  Buffer.from(JSON.parse(recorded(`${name}.sig`)).dsseEnvelope.payload as string, 'base64')

describe('the reference signer’s', () => {
  it.each(['key-p256', 'key-p384', 'key-p521', 'certificate-p256', 'certificate-p384', 'shards', 'blake2b'])(
    '%s verifies, and the model is its statement',
    async (name) => {
      const verified = await shown(name)
      expect(verified).toMatchObject({
        claims: {
          grade: 'files',
          name: 'intent-small',
          statement_digest: sha256(payloadOf(name)),
          root_digest: JSON.parse(payloadOf(name).toString()).subject[0].digest.sha256,
          // Cut into shards, an empty file has no piece.
          files: name === 'shards' ? 5 : 6,
        },
      })
    },
  )

  it('order of names is by component, which is not the order of code points', () => {
    const names = JSON.parse(payloadOf('key-p256').toString()).predicate.resources.map(
      ({ name }: { name: string }) => name,
    )
    expect(names).not.toEqual(names.toSorted())
    expect(names.toSorted()).toEqual(
      Object.keys(MODEL)
        .filter((name) => name !== '.gitattributes')
        .toSorted(),
    )
  })

  it('BLAKE3 is refused by its own code', async () => {
    writeFileSync(signature, recorded('blake3.sig'))
    const about = evidenced('model-signing', { anchors: [anchorFor('blake3')] })
    await expect(modelSigningProducer({ folder: model, signature }, { hashing })(about)).rejects.toMatchObject({
      code: 'hash_unsupported',
    })
    const content = Buffer.from(
      JSON.stringify({ form: 'files', bundle: JSON.parse(recorded('blake3.sig')), files: [] }),
    )
    expect(await modelSigningVerifier.verify(content, about)).toEqual({ refused: 'hash_unsupported' })
  })
})

describe('a folder that is not what was signed', () => {
  it.each(['key-p256', 'shards'])('swapped model, same name: refused (%s)', async (name) => {
    writeFileSync(join(model, 'weights/part-1.bin'), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
    expect(await shown(name)).toMatchObject({
      refused: 'file_changed',
      detail: expect.stringContaining('weights/part-1.bin'),
    })
  })

  it.each(['key-p256', 'shards'])('extra file modeling_evil.py: refused (%s)', async (name) => {
    writeFileSync(join(model, 'modeling_evil.py'), 'import os\n')
    expect(await shown(name)).toMatchObject({ refused: 'file_extra', detail: 'modeling_evil.py' })
  })

  it.each(['key-p256', 'shards'])('missing file: refused (%s)', async (name) => {
    rmSync(join(model, 'config.json'))
    expect(await shown(name)).toMatchObject({ refused: 'file_missing', detail: 'config.json' })
  })

  it.each(['key-p256', 'shards'])('a file that grew: refused (%s)', async (name) => {
    appendFileSync(join(model, 'weights/part-2.bin'), 'more')
    expect(await shown(name)).toMatchObject({ refused: 'file_changed' })
  })

  it('a renamed file: refused, though the root digest could stay the same', async () => {
    rmSync(join(model, 'tokenizer-notes.md'))
    writeFileSync(join(model, 'tokenizer-notes.txt'), MODEL['tokenizer-notes.md'] as string)
    expect(await shown('key-p256')).toMatchObject({ refused: 'file_extra' })
  })

  it('a link where a file was: the attester does not follow it', async () => {
    rmSync(join(model, 'config.json'))
    symlinkSync('/dev/null', join(model, 'config.json'))
    await expect(shown('key-p256')).rejects.toMatchObject({ code: 'link_in_folder' })
  })

  it('what is left out by rule is left out, at the top of the folder only', async () => {
    mkdirSync(join(model, '.git'))
    writeFileSync(join(model, '.git/config'), '')
    expect(await shown('key-p256')).toHaveProperty('claims')
    mkdirSync(join(model, 'weights/.git'))
    writeFileSync(join(model, 'weights/.git/hook.py'), '')
    expect(await shown('key-p256')).toMatchObject({ refused: 'file_extra', detail: 'weights/.git/hook.py' })
  })
})

describe('a signature that does not count here', () => {
  const content = (bundle: unknown, files: unknown = []) =>
    Buffer.from(JSON.stringify({ form: 'files', bundle, files }))

  it('is by a signer that no anchor knows', async () => {
    const about = evidenced('model-signing', { anchors: [anchorFor('key-p384'), anchorFor('certificate-p256')] })
    const bundle = JSON.parse(recorded('key-p256.sig'))
    expect(await modelSigningVerifier.verify(content(bundle), about)).toEqual({ refused: 'anchor_unknown' })
  })

  it('is under a certificate that has expired, though the reference verifier would look at the day it began', async () => {
    const bundle = JSON.parse(recorded('certificate-p256.sig'))
    const about = evidenced('model-signing', { anchors: [anchorFor('certificate-p256')], now: new Date('2126-06-01') })
    expect(await modelSigningVerifier.verify(content(bundle), about)).toEqual({ refused: 'certificate_expired' })
  })

  it('has one bit flipped anywhere in what was signed', async () => {
    const bundle = JSON.parse(recorded('key-p256.sig'))
    const payload = payloadOf('key-p256')
    for (let at = 0; at < payload.length; at += 97) {
      const flipped = Buffer.from(payload)
      flipped[at] = (flipped[at] as number) ^ 4
      const changed = { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, payload: flipped.toString('base64') } }
      const about = evidenced('model-signing', { anchors: [anchorFor('key-p256')] })
      expect(await modelSigningVerifier.verify(content(changed), about)).toEqual({ refused: 'signature_invalid' })
    }
  })

  it('is cut short anywhere', async () => {
    const whole = content(JSON.parse(recorded('key-p256.sig')))
    for (let length = 0; length < whole.length; length += 53) {
      const outcome = await modelSigningVerifier.verify(
        whole.subarray(0, length),
        evidenced('model-signing', { anchors: [anchorFor('key-p256')] }),
      )
      expect(outcome).toMatchObject({ refused: 'evidence_malformed' })
    }
  })

  it('is larger than may be, is not JSON of its form, or names a file twice', async () => {
    const about = evidenced('model-signing', { anchors: [anchorFor('key-p256')] })
    const bundle = JSON.parse(recorded('key-p256.sig'))
    const twice = [
      { name: 'config.json', digest: 'a'.repeat(64) },
      { name: 'config.json', digest: 'b'.repeat(64) },
    ]
    expect(await modelSigningVerifier.verify(Buffer.alloc(1024 * 1024 + 1, 0x20), about)).toEqual({
      refused: 'evidence_too_large',
    })
    expect(await modelSigningVerifier.verify(Buffer.from('{"form":"trust-me"}'), about)).toMatchObject({
      refused: 'evidence_malformed',
    })
    expect(await modelSigningVerifier.verify(content(bundle, twice), about)).toEqual({ refused: 'file_named_twice' })
  })
})
