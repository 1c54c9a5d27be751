/** Manifests signed by our tool and by another one, genuine and tampered. */
import { signManifest } from '@credence/attester/manifest/sign'
import { compositionOf } from '@credence/contracts/attestation/agent-manifest'
import type { Anchor } from '@credence/contracts/attestation/trust'
import { newId } from '@credence/shared/ids'
import { describe, expect, it } from 'vitest'
import { type CertificateWishes, certify, newSigner, signBundle } from '../../../../../../infra/testing/signers.ts'
import { agentManifestVerifier, MAX_BYTES } from './agent-manifest.ts'
import { about, changed, manifest, NOW, newBuilder, sha256, statement } from './testing.ts'

const builder = newBuilder()
const verify = (content: string | Uint8Array, anchors: readonly Anchor[] = [builder.anchor], part = {}) =>
  agentManifestVerifier.verify(Buffer.from(content as string), about(anchors, part))

/** The same key, in the hands of sigstore’s own library, which signs any payload. */
const foreign = { ...(await newSigner()), privateKey: builder.key, publicPem: builder.pem }
const byKey = async (payload: Buffer, payloadType?: string): Promise<string> =>
  JSON.stringify(await signBundle(payload, foreign, payloadType ? { payloadType } : {}))

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
    ['signed as another payload type', 'payload_type', () => byKey(statement(), 'application/json')],
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

  it('and says nothing of what it holds', async () => {
    const answer = await verify(await byKey(changed((one) => (one.predicate.prompt.name = 'secret\u0007secret'))))
    expect(answer).toMatchObject({ refused: 'statement_malformed' })
    expect(JSON.stringify(answer)).not.toContain('secret')
  })
})

describe('a builder with a certificate', () => {
  const WHO = 'https://ci.example/acme/agents'

  async function certified(wishes: CertificateWishes = {}, san = WHO): Promise<{ anchor: Anchor; signed: string }> {
    const by = await certify({ ca: true, from: hours(-48), until: hours(48) })
    const names = [{ type: 'url' as const, value: WHO }]
    const leaf = await certify({ by, names, from: hours(-2), until: hours(2), ...wishes })
    const material = { type: 'certificate-authority' as const, pem: by.pem, identities: [{ san }] }
    const { anchor } = newBuilder({ anchor: newId('anc'), material })
    return { anchor, signed: JSON.stringify(await signBundle(statement(), leaf, { chain: [leaf] })) }
  }

  it('vouches while the certificate is valid, and under the name that is pinned', async () => {
    const { anchor, signed } = await certified()
    expect(await verify(signed, [anchor])).toMatchObject({ anchors: [anchor.anchor] })
  })

  const refusals: [name: string, code: string, wishes: CertificateWishes, san?: string][] = [
    ['an expired certificate', 'certificate_expired', { until: hours(-1) }],
    ['a certificate of tomorrow', 'certificate_not_yet_valid', { from: hours(1) }],
    ['another name', 'signer_identity_unknown', {}, `${WHO}-other`],
    ['a certificate for servers', 'key_usage_wrong', { extendedUsages: ['1.3.6.1.5.5.7.3.1'] }],
    ['a weak key', 'algorithm_weak', { algorithm: 'RSA-1024' }],
  ]
  for (const [name, refused, wishes, san] of refusals)
    it(`is refused with ${name}`, async () => {
      const { anchor, signed } = await certified(wishes, san)
      expect(await verify(signed, [anchor])).toMatchObject({ refused })
    })

  it('is refused under another authority', async () => {
    const { signed } = await certified()
    const { anchor } = await certified()
    expect(await verify(signed, [anchor])).toMatchObject({ refused: 'chain_untrusted' })
  })
})

const hours = (count: number) => new Date(NOW.getTime() + count * 3_600_000)
