/**
 * Records what the reference signer makes, for machines that lack it: `node infra/testing/model-signing/record.ts`.
 * Keys are thrown away; certificates last long, so that the recordings do.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Algorithm, certify, newSigner } from '../signers.ts'
import { type SigningWishes, signModel, writeModel } from './sign.ts'

export const SIGNER = 'https://models.example/release'
const RECORDED = fileURLToPath(new URL('recorded/', import.meta.url))
const until = new Date('2126-01-01T00:00:00Z')

const CASES: Record<string, { algorithm?: Algorithm; certificate?: boolean; wishes?: SigningWishes }> = {
  'key-p256': {},
  'key-p384': { algorithm: 'P-384' },
  'key-p521': { algorithm: 'P-521' },
  'certificate-p256': { certificate: true },
  'certificate-p384': { algorithm: 'P-384', certificate: true },
  shards: { wishes: { shardSize: 10 } },
  blake2b: { wishes: { algorithm: 'blake2' } },
  blake3: { wishes: { algorithm: 'blake3' } },
}

mkdirSync(RECORDED, { recursive: true })
const model = join(mkdtempSync(join(tmpdir(), 'model-')), 'intent-small')
writeModel(model)
for (const [name, { algorithm = 'P-256', certificate = false, wishes }] of Object.entries(CASES)) {
  const signature = join(model, 'model.sig')
  if (certificate) {
    const root = await certify({ ca: true, algorithm, subject: 'CN=Recorded root', until })
    const between = await certify({ by: root, ca: true, algorithm, subject: 'CN=Recorded intermediate', until })
    const leaf = await certify({ by: between, algorithm, names: [{ type: 'url', value: SIGNER }], until })
    signModel(model, signature, leaf, { ...wishes, chain: [leaf, between] })
    writeFileSync(join(RECORDED, `${name}.pem`), root.pem)
  } else {
    const signer = await newSigner(algorithm)
    signModel(model, signature, signer, wishes)
    writeFileSync(join(RECORDED, `${name}.pem`), signer.publicPem)
  }
  writeFileSync(join(RECORDED, `${name}.sig`), `${readFileSync(signature, 'utf8')}\n`)
  rmSync(signature)
}
