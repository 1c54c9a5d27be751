/** Kinds whose evidence is a Sigstore bundle: what an agent, a model and an image are made of. */
import { createPublicKey, verify } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { modelSigningProducer } from '@credence/attester/evidence/model-signing'
import { createHashing } from '@credence/attester/hashing/hashing'
import { signManifest } from '@credence/attester/manifest/sign'
import { anchorOf, evidenced } from '@credence/infra/testing/evidenced'
import { writeModel } from '@credence/infra/testing/model-signing/sign'
import { sha256 } from '@credence/shared/digest'
import { agentManifestVerifier } from '../../../services/attestation/src/adapters/verifiers/agent-manifest/agent-manifest.ts'
import {
  about,
  newBuilder,
  statement,
} from '../../../services/attestation/src/adapters/verifiers/agent-manifest/testing.ts'
import { containerImageVerifier } from '../../../services/attestation/src/adapters/verifiers/container-image/container-image.ts'
import { modelSigningVerifier } from '../../../services/attestation/src/adapters/verifiers/model-signing/model-signing.ts'
import { preAuthEncoding } from '../../../services/attestation/src/adapters/verifiers/sigstore/dsse.ts'
import { type Subject, took } from './kind.ts'

const ALGORITHM = 'ECDSA P-256, SHA-256'
const recorded = (name: string) => readFileSync(new URL(`../../../infra/testing/${name}`, import.meta.url), 'utf8')

/** Over the envelope of a bundle (DSSE), by a key on P-256. */
function bareDsse(bundle: { dsseEnvelope: Envelope }, pem: string): () => boolean {
  const { payload, payloadType, signatures } = bundle.dsseEnvelope
  const data = preAuthEncoding(payloadType, Buffer.from(payload, 'base64'))
  const signature = Buffer.from(signatures[0]?.sig ?? '', 'base64')
  const key = createPublicKey(pem)
  return () => verify('sha256', data, key, signature)
}
type Envelope = { payload: string; payloadType: string; signatures: { sig: string }[] }

/** Signed just now by a new builder. */
export function agentManifestSubject(): Subject {
  const builder = newBuilder()
  const content = Buffer.from(signManifest(statement(), builder.key))
  const told = about([builder.anchor])
  return {
    name: 'agent_manifest',
    algorithm: ALGORITHM,
    verify: async () => took(await agentManifestVerifier.verify(content, told)),
    bare: bareDsse(JSON.parse(content.toString()), builder.pem),
  }
}

/** The signature that PyPI’s `model-signing` made; the files are written and hashed now. */
export async function modelSigningSubject(): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), 'credence-bench-model-'))
  const hashing = createHashing()
  try {
    const signature = join(folder, 'model.sig')
    const bundle = recorded('model-signing/recorded/key-p256.sig')
    writeModel(join(folder, 'model'))
    writeFileSync(signature, bundle)
    const pem = recorded('model-signing/recorded/key-p256.pem')
    const told = evidenced('model-signing', { anchors: [anchorOf('model-signing', { type: 'public-key', pem })] })
    const { content } = await modelSigningProducer({ folder: join(folder, 'model'), signature }, { hashing })(told)
    return {
      name: 'model_signing',
      algorithm: ALGORITHM,
      verify: async () => took(await modelSigningVerifier.verify(content, told)),
      bare: bareDsse(JSON.parse(bundle), pem),
    }
  } finally {
    await hashing.close()
    rmSync(folder, { recursive: true })
  }
}

/** SLSA provenance that `cosign` signed. */
export function containerImageSubject(): Subject {
  const pem = recorded('provenance/cosign-key.pub')
  const bundle = JSON.parse(recorded('provenance/cosign-key.sigstore.json'))
  const content = Buffer.from(JSON.stringify({ image_digest: sha256(recorded('provenance/image-manifest')), bundle }))
  const told = evidenced('container-image', { anchors: [anchorOf('container-image', { type: 'public-key', pem })] })
  return {
    name: 'container_image',
    algorithm: ALGORITHM,
    verify: async () => took(await containerImageVerifier.verify(content, told)),
    bare: bareDsse(bundle, pem),
  }
}
