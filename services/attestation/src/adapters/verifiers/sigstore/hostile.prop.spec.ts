/** Whatever arrives in a bundle is refused with a code, or is what it was: nothing throws, nothing passes changed. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { anchorOf, evidenced } from '../../../../../../infra/testing/evidenced.ts'
import { containerImageVerifier } from '../container-image/container-image.ts'
import { modelSigningVerifier } from '../model-signing/model-signing.ts'
import { readBundle } from './bundle.ts'
import { readCertificate } from './certificates.ts'
import { verifyDsse } from './dsse.ts'

const testing = (path: string) =>
  readFileSync(new URL(`../../../../../../infra/testing/${path}`, import.meta.url), 'utf8')
const RUNS = { numRuns: 200 }
const NOW = new Date()

const sigstore = { type: 'sigstore' as const, trusted_root: testing('provenance/public-good-trusted-root.json') }
const identities = [{ san: 'https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main' }]
const ANCHORS = [
  { type: 'public-key' as const, pem: testing('provenance/cosign-key.pub') },
  { type: 'public-key' as const, pem: testing('model-signing/recorded/key-p256.pem') },
  {
    type: 'certificate-authority' as const,
    pem: testing('model-signing/recorded/certificate-p384.pem'),
    identities: [{ san: 'https://models.example/release' }],
  },
  { ...sigstore, identities },
].map((material) => anchorOf('model-signing', material))
const BUNDLES = [
  'provenance/cosign-key.sigstore.json',
  'provenance/sigstore-2.0.0.sigstore.json',
  'model-signing/recorded/key-p256.sig',
  'model-signing/recorded/certificate-p384.sig',
].map((path) => JSON.parse(testing(path)))

type Json = Record<string, unknown>
/** Every place in a document. */
const placesIn = (value: unknown, path: string[] = []): string[][] =>
  value !== null && typeof value === 'object'
    ? [path, ...Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...path, key]))]
    : [path]
function replaced(value: unknown, [key, ...rest]: string[], by: (old: unknown) => unknown): unknown {
  if (key === undefined) return by(value)
  if (Array.isArray(value)) return value.map((one, at) => (String(at) === key ? replaced(one, rest, by) : one))
  return { ...(value as Json), [key]: replaced((value as Json)[key], rest, by) }
}

/** Another value there, or the same text with one byte of what it encodes changed or cut off. */
const change = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }).map((other) => () => other as unknown),
  fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })).map(([at, bits]) => (old: unknown) => {
    if (typeof old !== 'string' || old === '') return null
    const bytes = Buffer.from(old, 'base64')
    if (bytes.length === 0) return `${old}x`
    bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ bits
    return bytes.toString('base64')
  }),
  fc.nat().map((at) => (old: unknown) => {
    const bytes = Buffer.from(String(old), 'base64')
    return bytes.subarray(0, at % (bytes.length + 1)).toString('base64')
  }),
)
const hostile = fc
  .constantFrom(...BUNDLES)
  .chain((bundle) =>
    fc
      .tuple(fc.constantFrom(...placesIn(bundle)), change)
      .map(([place, by]) => ({ bundle, json: replaced(bundle, place, by) as object })),
  )

it('a bundle that was changed somewhere is refused, or still says exactly what was signed', () => {
  fc.assert(
    fc.property(hostile, ({ bundle, json }) => {
      const read = readBundle(Buffer.from(JSON.stringify(json)))
      const outcome = 'refused' in read ? read : verifyDsse(read, ANCHORS, NOW)
      if ('refused' in outcome) expect(outcome.refused).toMatch(/^[a-z0-9_]+$/)
      else expect(outcome.payload.toString('base64')).toBe(bundle.dsseEnvelope.payload)
    }),
    RUNS,
  )
})

it('evidence that was changed somewhere is refused with a code', async () => {
  await fc.assert(
    fc.asyncProperty(hostile, async ({ json }) => {
      const model = Buffer.from(JSON.stringify({ form: 'files', bundle: json, files: [] }))
      const image = Buffer.from(JSON.stringify({ image_digest: 'c'.repeat(64), bundle: json }))
      expect(await modelSigningVerifier.verify(model, evidenced('model-signing', { anchors: ANCHORS }))).toHaveProperty(
        'refused',
      )
      expect(
        await containerImageVerifier.verify(image, evidenced('container-image', { anchors: ANCHORS })),
      ).toHaveProperty('refused')
    }),
    RUNS,
  )
})

it('arbitrary bytes are refused by every parser', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 512 }), async (bytes) => {
      expect(readBundle(bytes)).toHaveProperty('refused')
      expect(readCertificate(bytes)).toBeUndefined()
      expect(await modelSigningVerifier.verify(bytes, evidenced('model-signing'))).toHaveProperty('refused')
      expect(await containerImageVerifier.verify(bytes, evidenced('container-image'))).toHaveProperty('refused')
    }),
    RUNS,
  )
})

it('ASN.1 and JSON that are nested without end are refused', async () => {
  const nested = Buffer.concat(
    Array.from({ length: 4000 }, (_, at) => {
      const length = (3999 - at) * 4
      return Buffer.from([0x30, 0x82, length >> 8, length & 255])
    }),
  )
  expect(readCertificate(nested)).toBeUndefined()
  const [, bundle] = BUNDLES
  const timestamps = { rfc3161Timestamps: [{ signedTimestamp: nested.toString('base64') }] }
  const material = { ...bundle.verificationMaterial, timestampVerificationData: timestamps }
  const read = readBundle({ ...bundle, verificationMaterial: material })
  expect('refused' in read ? read : verifyDsse(read, ANCHORS, NOW)).toMatchObject({ refused: 'evidence_malformed' })
  const deep = Buffer.from(`{"form":"files","bundle":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)},"files":[]}`)
  expect(await modelSigningVerifier.verify(deep, evidenced('model-signing'))).toHaveProperty('refused')
})
