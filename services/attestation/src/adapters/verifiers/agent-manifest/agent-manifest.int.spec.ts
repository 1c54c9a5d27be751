/** Manifests signed by our tool and by another one, genuine and tampered. */
import 'reflect-metadata'
import { generateKeyPairSync, type KeyObject, sign, webcrypto } from 'node:crypto'
import { signManifest } from '@credence/attester/manifest/sign'
import { compositionOf } from '@credence/contracts/attestation/agent-manifest'
import type { Anchor } from '@credence/contracts/attestation/trust'
import { newId } from '@credence/shared/ids'
import * as x509 from '@peculiar/x509'
import { bundleToJSON } from '@sigstore/bundle'
import { DSSEBundleBuilder } from '@sigstore/sign'
import { describe, expect, it } from 'vitest'
import { agentManifestVerifier, MAX_BYTES } from './agent-manifest.ts'
import { about, type Builder, changed, manifest, NOW, newBuilder, sha256, statement } from './testing.ts'

const TYPE = 'application/vnd.in-toto+json'
const builder = newBuilder()
const verify = (content: string | Uint8Array, anchors: readonly Anchor[] = [builder.anchor], part = {}) =>
  agentManifestVerifier.verify(Buffer.from(content as string), about(anchors, part))

type Material =
  | { $case: 'publicKey'; publicKey: string; hint?: string }
  | { $case: 'x509Certificate'; certificate: string }
/** Signs with sigstore’s own library, whatever the payload is. */
async function foreign(data: Buffer, key: KeyObject, material: Material, type = TYPE): Promise<string> {
  const signer = { sign: async (bytes: Buffer) => ({ signature: sign('sha256', bytes, key), key: material }) }
  return JSON.stringify(bundleToJSON(await new DSSEBundleBuilder({ signer, witnesses: [] }).create({ data, type })))
}
const byKey = (data: Buffer, { key, anchor }: Builder = builder, type?: string) =>
  foreign(data, key, { $case: 'publicKey', publicKey: '', hint: anchor.anchor }, type)

const claims = {
  manifest_digest: sha256(statement()),
  composition: compositionOf(manifest),
  policy_version: manifest.policyVersion,
  tools: manifest.tools,
  signer: builder.anchor.anchor,
}

describe('an agent manifest', () => {
  it('verifies when its builder signed it with our tool', async () =>
    expect(await verify(signManifest(statement(), builder.key))).toEqual({
      claims,
      anchors: [builder.anchor.anchor],
      measuredAt: NOW,
    }))

  it('verifies when another DSSE tool signed the same payload', async () =>
    expect(await verify(await byKey(statement()))).toMatchObject({ claims }))

  it('verifies when another tool wrote the payload with other spaces and order', async () => {
    const spaced = Buffer.from(JSON.stringify(JSON.parse(statement().toString()), undefined, 2))
    expect(await verify(await byKey(spaced))).toMatchObject({
      claims: { ...claims, manifest_digest: sha256(spaced) },
    })
  })

  it('verifies with any of several anchors, and names the one', async () => {
    const others = [newBuilder().anchor, newBuilder().anchor]
    expect(await verify(signManifest(statement(), builder.key), [...others, builder.anchor])).toMatchObject({
      anchors: [builder.anchor.anchor],
    })
  })
})

describe('an agent manifest is refused', () => {
  const genuine = signManifest(statement(), builder.key)
  const rebuilt = (change: (bundle: ReturnType<typeof JSON.parse>) => void): string => {
    const bundle = JSON.parse(genuine)
    change(bundle)
    return JSON.stringify(bundle)
  }
  const elsewhere = newBuilder({ blueprints: ['somebody-else'] })

  const refusals: [name: string, code: string, content: () => string | Promise<string>, anchors?: Anchor[]][] = [
    ['signed by another builder', 'anchor_unknown', () => signManifest(statement(), newBuilder().key)],
    ['when no anchor lives', 'anchor_unknown', () => genuine, []],
    [
      'with the signature of another manifest',
      'signature_invalid',
      () =>
        rebuilt(({ dsseEnvelope }) => {
          const other = JSON.parse(signManifest(statement({ label: '1.4.3' }), builder.key))
          dsseEnvelope.signatures = other.dsseEnvelope.signatures
        }),
    ],
    [
      'with another payload',
      'signature_invalid',
      () =>
        rebuilt(({ dsseEnvelope }) => {
          const tampered = statement({ model: { name: 'intent-small', digest: '9'.repeat(64) } })
          dsseEnvelope.payload = tampered.toString('base64')
        }),
    ],
    [
      'with another payload type',
      'signature_invalid',
      () => rebuilt(({ dsseEnvelope }) => (dsseEnvelope.payloadType = 'application/json')),
    ],
    ['signed as another payload type', 'payload_type', () => byKey(statement(), builder, 'application/json')],
    [
      'with another predicate',
      'predicate_type',
      () => byKey(changed((one) => (one.predicateType = 'https://slsa.dev/provenance/v1'))),
    ],
    ['about two programs', 'subjects_not_one', () => byKey(changed(({ subject }) => subject.push(subject[0])))],
    ['about none', 'subjects_not_one', () => byKey(changed((one) => (one.subject = [])))],
    ['for another blueprint', 'other_blueprint', () => byKey(statement({ blueprint: 'somebody-else' }))],
    ['with a part that nobody compares', 'statement_malformed', () => byKey(changed((one) => (one.predicate.x = 1)))],
    ['with a tool twice', 'tool_twice', () => byKey(changed(({ predicate: { tools } }) => tools.push(tools[0])))],
    [
      'with a member twice in what was signed',
      'statement_malformed',
      () => byKey(Buffer.from(statement().toString().replace('"label"', '"label":"x","label"'))),
    ],
    [
      'with a member twice in the bundle',
      'evidence_malformed',
      () => genuine.replace('"dsseEnvelope"', '"dsseEnvelope":{},"dsseEnvelope"'),
    ],
    ['with a prototype', 'evidence_malformed', () => `{"__proto__":{},${genuine.slice(1)}`],
    [
      'with two signatures',
      'evidence_malformed',
      () => rebuilt(({ dsseEnvelope: { signatures } }) => signatures.push(signatures[0])),
    ],
    ['without a signature', 'evidence_malformed', () => rebuilt(({ dsseEnvelope }) => (dsseEnvelope.signatures = []))],
    [
      'in a bundle of another version',
      'bundle_media_type',
      () => rebuilt((one) => (one.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2')),
    ],
    ['when it is too large', 'evidence_too_large', () => ' '.repeat(MAX_BYTES + 1)],
    ['when it is nothing', 'evidence_malformed', () => ''],
    ['when it is null', 'evidence_malformed', () => 'null'],
    ['when it is a bare statement', 'bundle_media_type', () => statement().toString()],
  ]
  for (const [name, refused, content, anchors] of refusals)
    it(name, async () => expect(await verify(await content(), anchors)).toMatchObject({ refused }))

  it('when the only anchor that knows the builder counts for another blueprint (none is handed in), or vouches for another kind', async () => {
    const signed = signManifest(statement(), elsewhere.key)
    const counts = ({ kinds, blueprints }: Anchor) =>
      kinds.includes('agent-manifest') && (blueprints.length === 0 || blueprints.includes('meeting-scheduler'))
    const models = newBuilder({ kinds: ['model-signing'] })
    expect(await verify(signed, [elsewhere.anchor].filter(counts))).toMatchObject({ refused: 'anchor_unknown' })
    expect(await verify(signManifest(statement(), models.key), [models.anchor].filter(counts))).toMatchObject({
      refused: 'anchor_unknown',
    })
  })

  it('and says nothing of what it holds', async () => {
    const answer = await verify(await byKey(changed((one) => (one.predicate.prompt.name = 'secret\u0007secret'))))
    expect(answer).toMatchObject({ refused: 'statement_malformed' })
    expect(JSON.stringify(answer)).not.toContain('secret')
  })
})

describe('a builder with a certificate', () => {
  const WHO = 'https://ci.example/acme/agents'
  const authority = { san: WHO }

  it('vouches while the certificate is valid, and under the name that is pinned', async () => {
    const { anchor, signed } = await certified({ identities: [authority] })
    expect(await verify(signed, [anchor])).toMatchObject({ anchors: [anchor.anchor] })
  })

  const refusals: [name: string, code: string, Parameters<typeof certified>[0]][] = [
    ['an expired certificate', 'certificate_expired', { identities: [authority], notAfter: hours(-1) }],
    ['a certificate of tomorrow', 'certificate_not_yet_valid', { identities: [authority], notBefore: hours(1) }],
    ['another name', 'signer_identity_unknown', { identities: [{ san: `${WHO}-other` }] }],
    [
      'a certificate for servers',
      'key_usage_wrong',
      { identities: [authority], purpose: x509.ExtendedKeyUsage.serverAuth },
    ],
  ]
  for (const [name, refused, part] of refusals)
    it(`is refused with ${name}`, async () => {
      const { anchor, signed } = await certified(part)
      expect(await verify(signed, [anchor])).toMatchObject({ refused })
    })

  it('is refused under another authority', async () => {
    const { signed } = await certified({ identities: [authority] })
    const { anchor } = await certified({ identities: [authority] })
    expect(await verify(signed, [anchor])).toMatchObject({ refused: 'chain_untrusted' })
  })

  async function certified(part: {
    identities: { san: string }[]
    notBefore?: Date
    notAfter?: Date
    purpose?: x509.ExtendedKeyUsage
  }): Promise<{ anchor: Anchor; signed: string }> {
    const [root, leaf] = [ecKeys(), ecKeys()]
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
    const keys = async ({ privateKey, publicKey }: ReturnType<typeof ecKeys>) => ({
      privateKey: await imported('pkcs8', privateKey, ['sign']),
      publicKey: await imported('spki', publicKey, ['verify']),
    })
    const imported = (format: 'pkcs8' | 'spki', key: KeyObject, usages: KeyUsage[]) =>
      webcrypto.subtle.importKey(
        format,
        key.export({ type: format, format: 'der' } as never) as never,
        algorithm,
        true,
        usages,
      )
    const rootKeys = await keys(root)
    const ca = await x509.X509CertificateGenerator.createSelfSigned(
      {
        name: 'CN=Builders',
        keys: rootKeys as never,
        notBefore: hours(-48),
        notAfter: hours(48),
        signingAlgorithm: algorithm,
        extensions: [
          new x509.BasicConstraintsExtension(true, 0, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
        ],
      },
      webcrypto as never,
    )
    const certificate = await x509.X509CertificateGenerator.create(
      {
        subject: 'CN=A builder',
        issuer: ca.subject,
        publicKey: (await keys(leaf)).publicKey as never,
        signingKey: rootKeys.privateKey as never,
        notBefore: part.notBefore ?? hours(-2),
        notAfter: part.notAfter ?? hours(2),
        signingAlgorithm: algorithm,
        extensions: [
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([part.purpose ?? x509.ExtendedKeyUsage.codeSigning]),
          new x509.SubjectAlternativeNameExtension([{ type: 'url', value: WHO }]),
        ],
      },
      webcrypto as never,
    )
    const material = { $case: 'x509Certificate' as const, certificate: certificate.toString('pem') }
    const signed = await foreign(statement(), leaf.privateKey, material)
    const { identities } = part
    const anchor: Anchor = {
      anchor: newId('anc'),
      label: 'Builders',
      kinds: ['agent-manifest'],
      blueprints: [],
      material: { type: 'certificate-authority', pem: ca.toString('pem'), identities },
    }
    return { anchor, signed }
  }
})

type KeyUsage = 'sign' | 'verify'
const ecKeys = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const hours = (count: number) => new Date(NOW.getTime() + count * 3_600_000)
