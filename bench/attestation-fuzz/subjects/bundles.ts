/** Sigstore bundles and what is in them: by what `cosign`, `model-signing` and GitHub Actions signed (infra/testing). */
import { readFileSync } from 'node:fs'
import { MODEL_PREDICATE } from '@credence/contracts/attestation/model-manifest'
import type { AnchorMaterial } from '@credence/contracts/attestation/trust'
import { evidenced } from '@credence/infra/testing/evidenced'
import { sha256 } from '@credence/shared/digest'
import { containerImageVerifier as imageVerifier } from '../../../services/attestation/src/adapters/verifiers/container-image/container-image.ts'
import { readProvenance } from '../../../services/attestation/src/adapters/verifiers/container-image/provenance.ts'
import { readManifest } from '../../../services/attestation/src/adapters/verifiers/model-signing/manifest.ts'
import { modelSigningVerifier as modelVerifier } from '../../../services/attestation/src/adapters/verifiers/model-signing/model-signing.ts'
import { readBundle } from '../../../services/attestation/src/adapters/verifiers/sigstore/bundle.ts'
import { readCertificate } from '../../../services/attestation/src/adapters/verifiers/sigstore/certificates.ts'
import { verifyDsse } from '../../../services/attestation/src/adapters/verifiers/sigstore/dsse.ts'
import { publicKeyIn } from '../../../services/attestation/src/adapters/verifiers/sigstore/keys.ts'
import { readStatement } from '../../../services/attestation/src/adapters/verifiers/sigstore/statement.ts'
import { openTrustedRoot } from '../../../services/attestation/src/adapters/verifiers/sigstore/transparency.ts'
import { containerImage } from '../../../services/attestation/src/domain/kinds/container-image.ts'
import { modelSigning } from '../../../services/attestation/src/domain/kinds/model-signing.ts'
import { type BundleJson, type Genuine, jws, plain, signedBundle } from '../genuine.ts'
import { keyOf, signedJws } from '../keys.ts'
import { answer, type Outcome, type Subject, verified } from '../subject.ts'

/** The certificates in it are valid. */
export const NOW = new Date('2026-11-25T06:00:00Z')
const SECONDS = NOW.getTime() / 1000

const recorded = (name: string) => readFileSync(new URL(`../../../infra/testing/${name}`, import.meta.url), 'utf8')
const model = (name: string) => recorded(`model-signing/recorded/${name}`)
const anchorWith = (anchor: string, material: AnchorMaterial) => ({
  ...{ anchor, label: anchor, kinds: ['model-signing' as const], blueprints: [], material },
})

export const COSIGN = JSON.parse(recorded('provenance/cosign-key.sigstore.json')) as BundleJson
export const PUBLIC_GOOD = JSON.parse(recorded('provenance/sigstore-2.0.0.sigstore.json')) as BundleJson
export const TRUSTED_ROOT = recorded('provenance/public-good-trusted-root.json')
const IMAGE = sha256(recorded('provenance/image-manifest'))
const MODELS = ['key-p256', 'shards', 'certificate-p256', 'certificate-p384', 'blake2b']
export const modelBundle = (name: string): BundleJson => JSON.parse(model(`${name}.sig`))
const payloadOf = ({ dsseEnvelope }: BundleJson) => Buffer.from(dsseEnvelope.payload, 'base64')

const provider = keyOf('provider of a model')
const PROVIDER_JWS = signedJws(
  { typ: 'model-statement+jwt' },
  { iss: 'acme-ai', name: 'large', version: '4', revision: '2026-11-01', iat: SECONDS - 600, exp: SECONDS + 3_600 },
  provider,
)

export const anchors = [
  ...MODELS.map((name) => {
    const pem = model(`${name}.pem`)
    const identities = [{ san: 'https://models.example/release' }]
    const authority = name.startsWith('certificate')
    return anchorWith(
      `anc_${name}`,
      authority ? { type: 'certificate-authority', pem, identities } : { type: 'public-key', pem },
    )
  }),
  anchorWith('anc_cosign', { type: 'public-key', pem: recorded('provenance/cosign-key.pub') }),
  anchorWith('anc_provider', { type: 'public-key', pem: provider.pem, provider: 'acme-ai' }),
  anchorWith('anc_public_good', {
    type: 'sigstore',
    trusted_root: TRUSTED_ROOT,
    identities: [
      {
        san: 'https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main',
        issuer: 'https://token.actions.githubusercontent.com',
      },
    ],
  }),
]

/** The files as the signed manifest has them: the model is whole. */
function modelOf(name: string): Genuine {
  const bundle = modelBundle(name)
  const { resources } = JSON.parse(payloadOf(bundle).toString()).predicate as {
    resources: { name: string; digest: string }[]
  }
  const files = resources.map(({ name, digest }) => ({ name, digest }))
  return signedBundle(bundle, (bundle) => ({ form: 'files', bundle, files }))
}
const imageOf = (image_digest: string, bundle: BundleJson): Genuine =>
  signedBundle(bundle, (bundle) => ({ image_digest, bundle }))

export function vouched(input: Buffer): Outcome {
  const bundle = readBundle(input)
  if ('refused' in bundle) return bundle
  const signed = verifyDsse(bundle, anchors, NOW)
  if ('refused' in signed) return signed
  return { said: { signer: signed.signer, payloadType: signed.payloadType, digest: sha256(signed.payload) } }
}

const payloads = [...MODELS.map(modelBundle), COSIGN, PUBLIC_GOOD].map((one) => plain(payloadOf(one), 'json'))
const parsed = (input: Buffer): unknown => {
  try {
    return JSON.parse(input.toString())
  } catch {
    return undefined
  }
}

export function bundleSubjects(): Subject[] {
  const bundles = [...MODELS.map(modelBundle), COSIGN]
  const certificates = [...MODELS.map(modelOf), signedBundle(PUBLIC_GOOD)]
    .flatMap(({ parts }) => parts.slice(2))
    .map(({ bytes }) => plain(bytes, 'der'))
  const parser = (name: string, share: number, genuine: Genuine[], parse: (input: Buffer) => unknown): Subject => ({
    ...{ name: `bundle: ${name}`, share, genuine, signed: false },
    judge: (input) => answer(parse(input)),
  })
  const image = { payloadType: 'application/vnd.in-toto+json' }
  return [
    {
      ...{
        name: 'model-signing',
        share: 2,
        genuine: MODELS.map(modelOf),
        donors: [imageOf(IMAGE, COSIGN)],
        signed: true,
      },
      judge: async (input) =>
        verified(await modelVerifier.verify(input, evidenced('model-signing', { anchors, now: NOW }))),
      reasons: modelSigning.reasons,
    },
    {
      name: 'model-signing: hosted',
      ...{
        share: 2,
        genuine: [jws(PROVIDER_JWS, (statement) => JSON.stringify({ form: 'provider', statement }))],
        signed: true,
      },
      judge: async (input) =>
        verified(await modelVerifier.verify(input, evidenced('model-signing', { anchors, now: NOW }))),
      reasons: modelSigning.reasons,
    },
    {
      ...{
        name: 'container-image',
        share: 2,
        genuine: [imageOf(IMAGE, COSIGN)],
        donors: MODELS.map(modelOf),
        signed: true,
      },
      judge: async (input) =>
        verified(await imageVerifier.verify(input, evidenced('container-image', { anchors, now: NOW }))),
      reasons: containerImage.reasons,
    },
    {
      ...{
        name: 'bundle: signature by key or authority',
        share: 1.5,
        genuine: bundles.map((one) => signedBundle(one)),
      },
      ...{ signed: true, judge: vouched },
    },
    {
      ...{ name: 'bundle: signature at a Sigstore instance', share: 0.3, genuine: [signedBundle(PUBLIC_GOOD)] },
      ...{ donors: bundles.map((one) => signedBundle(one)), signed: true, judge: vouched },
    },
    parser(
      'form',
      2,
      [...bundles, PUBLIC_GOOD].map((one) => signedBundle(one)),
      readBundle,
    ),
    parser('certificate', 1, certificates, readCertificate),
    parser('public key', 2, [plain(provider.pem, 'bytes'), plain(model('key-p256.pem'), 'bytes')], (input) =>
      publicKeyIn(input.toString()),
    ),
    parser('trusted root', 0.2, [plain(TRUSTED_ROOT, 'json')], (input) => openTrustedRoot(input.toString())),
    parser('statement', 2, payloads.slice(0, MODELS.length), (payload) =>
      readStatement({ ...image, payload }, MODEL_PREDICATE),
    ),
    parser('manifest of a model', 2, payloads.slice(0, MODELS.length), (payload) => {
      const statement = readStatement({ ...image, payload }, MODEL_PREDICATE)
      return 'refused' in statement ? statement : readManifest(statement)
    }),
    parser('provenance', 2, payloads.slice(MODELS.length), (payload) => {
      const { predicate } = (parsed(payload) ?? {}) as { predicate?: unknown }
      return readProvenance(predicate)
    }),
  ]
}
