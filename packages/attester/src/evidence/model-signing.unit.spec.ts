import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256 } from '@credence/shared/digest'
import { afterAll, describe, expect, it } from 'vitest'
import { writeModel } from '../../../../infra/testing/model-signing/sign.ts'
import { createHashing } from '../hashing/hashing.ts'
import { measureComposition } from '../measure/composition.ts'
import { type ModelSource, modelSigningProducer } from './model-signing.ts'

const RECORDED = new URL('../../../../infra/testing/model-signing/recorded/', import.meta.url)
const recorded = (name: string) => readFileSync(new URL(name, RECORDED), 'utf8')
const hashing = createHashing()
const root = mkdtempSync(join(tmpdir(), 'model-evidence-'))
afterAll(async () => {
  await hashing.close()
  rmSync(root, { recursive: true })
})
const folder = writeModel(join(root, 'model'))
const put = (name: string, text: string) => {
  writeFileSync(join(root, name), text)
  return join(root, name)
}
const produce = (source: ModelSource) =>
  modelSigningProducer(source, { hashing })({ nonce: '', binding: new Uint8Array(32), now: new Date() })
const gathered = async (source: ModelSource) => JSON.parse(Buffer.from((await produce(source)).content).toString())

describe('evidence about a model', () => {
  it('is its signature, and every file that is there now', async () => {
    const signature = put('a.sig', recorded('key-p256.sig'))
    const evidence = await gathered({ folder, signature })
    expect(evidence).toMatchObject({ form: 'files', bundle: JSON.parse(recorded('key-p256.sig')) })
    expect(evidence.files).toContainEqual({ name: 'weights/part-2.bin', digest: sha256('0123456789') })
    expect(evidence.files).toHaveLength(6)
  })

  it('leaves the signature out wherever it lies', async () => {
    writeFileSync(join(folder, 'weights/kept.sig'), recorded('key-p256.sig'))
    const { files } = await gathered({ folder, signature: join(folder, 'weights/kept.sig') })
    rmSync(join(folder, 'weights/kept.sig'))
    expect(files).toHaveLength(6)
  })

  it('is cut as the signature says, and the same the second time', async () => {
    const producer = modelSigningProducer({ folder, signature: put('s.sig', recorded('shards.sig')) }, { hashing })
    const about = { nonce: '', binding: new Uint8Array(32), now: new Date() }
    const [first, second] = [await producer(about), await producer(about)]
    const { files } = JSON.parse(Buffer.from(first.content).toString())
    expect(files).toContainEqual({ name: 'weights/part-1.bin:20:26', digest: sha256('uvwxyz') })
    expect(files.some(({ name }: { name: string }) => name.startsWith('empty'))).toBe(false)
    expect(second).toEqual(first)
  })

  it('of a hosted model is its provider’s statement, or a claim', async () => {
    expect(await gathered({ providerStatement: put('p.jwt', 'a.b.c\n') })).toEqual({
      form: 'provider',
      statement: 'a.b.c',
    })
    const claim = { provider: 'acme-ai', name: 'large', version: '4' }
    expect(await gathered(claim)).toEqual({ form: 'claimed', ...claim })
  })

  it('is not gathered without a signature that can be read', async () => {
    const old = JSON.parse(recorded('key-p256.sig'))
    old.dsseEnvelope.payload = Buffer.from('{"predicate":{}}').toString('base64')
    for (const [source, code] of [
      [{ folder, signature: join(root, 'none') }, 'signature_unreadable'],
      [{ folder, signature: put('n.sig', '{}') }, 'signature_malformed'],
      [{ folder, signature: put('o.sig', JSON.stringify(old)) }, 'signature_malformed'],
      [{ folder: join(root, 'nowhere'), signature: put('k.sig', recorded('key-p256.sig')) }, 'file_missing'],
      [{ providerStatement: join(root, 'none') }, 'statement_unreadable'],
    ] as const)
      await expect(produce(source)).rejects.toMatchObject({ code })
  })
})

it.each(['key-p384', 'certificate-p256'])('the composition’s model is the signed statement (%s)', async (name) => {
  const made = {
    program: { image: 'a'.repeat(64) },
    prompt: put('prompt.md', 'Book meetings.'),
    tools: { file: put('tools.json', '{"tools":[]}'), server: 'https://calendar.example/mcp' },
    model: { folder, signature: put(`${name}.sig`, recorded(`${name}.sig`)) },
  }
  const { composition } = await measureComposition(made, { hashing })
  const payload = JSON.parse(recorded(`${name}.sig`)).dsseEnvelope.payload
  expect(composition.model).toBe(sha256(Buffer.from(payload, 'base64')))
})
