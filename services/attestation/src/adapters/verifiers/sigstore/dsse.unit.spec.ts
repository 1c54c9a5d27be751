import 'reflect-metadata'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { AnchorMaterial } from '@credence/contracts/attestation/trust'
import * as x509 from '@peculiar/x509'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Certified, certify, newSigner, type Signer, signBundle } from '../../../../../../infra/testing/signers.ts'
import { readBundle } from './bundle.ts'
import { verifyDsse } from './dsse.ts'

const NOW = new Date()
const DAY = 86_400_000
const SAN = 'https://builds.example/models'
const PAYLOAD = '{"signed":true}'
const TYPE = 'application/x.test+json'

const anchor = (material: AnchorMaterial) => ({ anchor: 'anc_ours', material })
const keyAnchor = ({ publicPem }: { publicPem: string }) => anchor({ type: 'public-key', pem: publicPem })
const authorityAnchor = (root: Certified, san = SAN, issuer?: string) =>
  anchor({ type: 'certificate-authority', pem: root.pem, identities: [{ san, issuer }] })

function verified(json: object, anchors: ReturnType<typeof anchor>[], now = NOW) {
  const bundle = readBundle(Buffer.from(JSON.stringify(json)))
  return 'refused' in bundle ? bundle : verifyDsse(bundle, anchors, now)
}
const refusal = (...of: Parameters<typeof verified>) => {
  const outcome = verified(...of)
  return 'refused' in outcome ? outcome.refused : undefined
}

describe('a bundle signed with a key', () => {
  let signer: Signer
  beforeAll(async () => {
    signer = await newSigner()
  })
  const signed = () => signBundle(PAYLOAD, signer, { payloadType: TYPE })

  it('is what the anchor’s owner signed', async () => {
    const outcome = verified(await signed(), [
      keyAnchor(await newSigner()),
      { ...keyAnchor(signer), anchor: 'anc_right' },
    ])
    expect(outcome).toEqual({ payload: Buffer.from(PAYLOAD), payloadType: TYPE, signer: 'anc_right' })
  })

  it.each(['P-256', 'P-384', 'P-521', 'RSA-2048'] as const)(
    'verifies with %s, the hash following the curve',
    async (algorithm) => {
      const other = await newSigner(algorithm)
      const bundle = await signBundle(PAYLOAD, other)
      expect(verified(bundle, [keyAnchor(other)])).toMatchObject({ signer: 'anc_ours' })
    },
  )

  it('verifies with Ed25519', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const publicPem = publicKey.export({ type: 'spki', format: 'pem' }) as string
    const json = await signBundle(PAYLOAD, { ...signer, privateKey, publicPem }, { hash: null as never })
    expect(verified(json, [keyAnchor({ publicPem })])).toMatchObject({ signer: 'anc_ours' })
  })

  it('does not verify when P-384 signed a SHA-256 hash', async () => {
    const other = await newSigner('P-384')
    expect(refusal(await signBundle(PAYLOAD, other, { hash: 'sha256' }), [keyAnchor(other)])).toBe('signature_invalid')
  })

  it('is refused when no anchor knows the key', async () => {
    expect(refusal(await signed(), [keyAnchor(await newSigner())])).toBe('anchor_unknown')
    expect(refusal(await signed(), [])).toBe('anchor_unknown')
  })

  it('is refused when payload, its type or the signature was changed', async () => {
    const change = async (part: string, value: unknown) => {
      const json = await signed()
      return { ...json, dsseEnvelope: { ...json.dsseEnvelope, [part]: value } }
    }
    const other = Buffer.from('{"signed":false}').toString('base64')
    const sig = Buffer.alloc(70, 1).toString('base64')
    expect(refusal(await change('payload', other), [keyAnchor(signer)])).toBe('signature_invalid')
    expect(refusal(await change('payloadType', 'application/x.test'), [keyAnchor(signer)])).toBe('signature_invalid')
    expect(refusal(await change('signatures', [{ sig }]), [keyAnchor(signer)])).toBe('signature_invalid')
  })

  it('never counts the key that the bundle itself carries', async () => {
    const attacker = await newSigner()
    const json = await signBundle(PAYLOAD, attacker)
    const rawBytes = Buffer.from(await crypto.subtle.exportKey('spki', attacker.keys.publicKey)).toString('base64')
    const carrying = {
      ...json,
      verificationMaterial: { publicKey: { rawBytes, keyDetails: 'PKIX_ECDSA_P256_SHA_256' } },
    }
    expect(refusal(carrying, [keyAnchor(signer)])).toBe('anchor_unknown')
  })

  it.each([
    ['RSA of 1024 bits', () => generateKeyPairSync('rsa', { modulusLength: 1024 })],
    ['P-192', () => generateKeyPairSync('ec', { namedCurve: 'prime192v1' })],
    ['secp256k1', () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' })],
  ])('is refused under a weak key: %s', async (_, pair) => {
    const { privateKey, publicKey } = pair() as { privateKey: KeyObject; publicKey: KeyObject }
    const publicPem = publicKey.export({ type: 'spki', format: 'pem' }) as string
    const json = await signBundle(PAYLOAD, { ...signer, privateKey, publicPem }, { hash: 'sha256' })
    expect(refusal(json, [keyAnchor({ publicPem })])).toBe('algorithm_weak')
  })
})

describe('a bundle signed under an authority', () => {
  let root: Certified
  let between: Certified
  beforeAll(async () => {
    root = await certify({ ca: true, subject: 'CN=Root' })
    between = await certify({ ca: true, by: root, subject: 'CN=Between', pathLength: 0, algorithm: 'P-384' })
  })
  const leafOf = (wishes: Parameters<typeof certify>[0] = {}) =>
    certify({ by: between, names: [{ type: 'url', value: SAN }], ...wishes })
  const signedBy = async (leaf: Certified, chain = [leaf, between]) => signBundle(PAYLOAD, leaf, { chain })

  it('is what somebody with the pinned name signed, with the certificates between in the bundle or at the anchor', async () => {
    const leaf = await leafOf()
    expect(verified(await signedBy(leaf), [authorityAnchor(root)])).toMatchObject({ signer: 'anc_ours' })
    const material = { ...authorityAnchor(root).material, intermediates: between.pem } as AnchorMaterial
    expect(verified(await signedBy(leaf, [leaf]), [anchor(material)])).toMatchObject({ signer: 'anc_ours' })
    expect(refusal(await signedBy(leaf, [leaf]), [authorityAnchor(root)])).toBe('chain_untrusted')
  })

  it('is refused, and nothing breaks, under an anchor that cannot be decoded', async () => {
    const broken = { ...root, pem: '-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n' }
    expect(refusal(await signedBy(await leafOf()), [authorityAnchor(broken)])).toBe('chain_untrusted')
  })

  it('is refused when the bundle brings its own root', async () => {
    const theirs = await certify({ ca: true, subject: 'CN=Root' })
    const leaf = await certify({ by: theirs, names: [{ type: 'url', value: SAN }] })
    expect(refusal(await signedBy(leaf, [leaf, theirs]), [authorityAnchor(root)])).toBe('chain_untrusted')
  })

  it('is refused once the signer’s certificate has expired, and before it begins', async () => {
    const json = await signedBy(await leafOf({ from: new Date(+NOW - 9 * DAY), until: new Date(+NOW - DAY) }))
    expect(refusal(json, [authorityAnchor(root)])).toBe('certificate_expired')
    const early = await signedBy(await leafOf({ from: new Date(+NOW + DAY), until: new Date(+NOW + 9 * DAY) }))
    expect(refusal(early, [authorityAnchor(root)])).toBe('certificate_not_yet_valid')
  })

  it('is refused when a certificate above the signer’s has expired', async () => {
    const old = await certify({
      ca: true,
      by: root,
      subject: 'CN=Old',
      from: new Date(+NOW - 9 * DAY),
      until: new Date(+NOW - DAY),
    })
    const leaf = await leafOf({ by: old })
    expect(refusal(await signedBy(leaf, [leaf, old]), [authorityAnchor(root)])).toBe('certificate_expired')
  })

  const { keyEncipherment, digitalSignature, keyCertSign } = x509.KeyUsageFlags
  it.each([
    ['no digital signature', { usages: keyEncipherment }],
    ['one that may sign certificates', { usages: digitalSignature | keyCertSign }],
    ['no code signing', { extendedUsages: [x509.ExtendedKeyUsage.serverAuth] }],
    ['no extended usage at all', { extendedUsages: [] }],
  ])('is refused for a key usage that is not for this: %s', async (_, wishes) => {
    expect(refusal(await signedBy(await leafOf(wishes)), [authorityAnchor(root)])).toBe('key_usage_wrong')
  })

  it('is refused when somebody who is no authority signed the certificate', async () => {
    const leaf = await leafOf()
    const under = await certify({ by: leaf, names: [{ type: 'url', value: SAN }] })
    expect(refusal(await signedBy(under, [under, leaf, between]), [authorityAnchor(root)])).toBe('chain_untrusted')
  })

  it('is refused when the path is longer than an authority allows', async () => {
    const below = await certify({ ca: true, by: between, subject: 'CN=Below' })
    const leaf = await leafOf({ by: below })
    expect(refusal(await signedBy(leaf, [leaf, below, between]), [authorityAnchor(root)])).toBe('chain_untrusted')
  })

  it.each([
    ['a certificate signed with SHA-1', { hash: 'SHA-1' }],
    ['a key of RSA-1024', { algorithm: 'RSA-1024' as const }],
  ])('is refused for %s', async (_, wishes) => {
    expect(refusal(await signedBy(await leafOf(wishes)), [authorityAnchor(root)])).toBe('algorithm_weak')
  })

  it('is refused for a critical extension that nobody here understands', async () => {
    const more = [new x509.Extension('1.2.3.4.5', true, new Uint8Array([5, 0]))]
    expect(refusal(await signedBy(await leafOf({ more })), [authorityAnchor(root)])).toBe('evidence_malformed')
  })

  it.each([
    ['another name', [{ type: 'url' as const, value: `${SAN}.evil.example` }]],
    ['no name', undefined],
    [
      'two names',
      [
        { type: 'url' as const, value: SAN },
        { type: 'url' as const, value: 'https://other.example/' },
      ],
    ],
    ['the name as another kind of name', [{ type: 'dns' as const, value: SAN }]],
  ])('is refused for %s', async (_, names) => {
    expect(refusal(await signedBy(await leafOf({ names })), [authorityAnchor(root)])).toBe('signer_identity_unknown')
  })

  it('takes a pinned name as it is spelt, never as a pattern', async () => {
    const json = await signedBy(await leafOf())
    expect(refusal(json, [authorityAnchor(root, 'https://builds.example/.*')])).toBe('signer_identity_unknown')
    expect(refusal(json, [authorityAnchor(root, 'https://builds')])).toBe('signer_identity_unknown')
  })

  it('compares who told the authority, where the anchor says who must have', async () => {
    const issuer = 'https://accounts.example'
    const der = Buffer.concat([Buffer.from([0x0c, issuer.length]), Buffer.from(issuer)])
    const more = [new x509.Extension('1.3.6.1.4.1.57264.1.8', false, new Uint8Array(der))]
    const json = await signedBy(await leafOf({ more }))
    expect(verified(json, [authorityAnchor(root, SAN, issuer)])).toMatchObject({ signer: 'anc_ours' })
    expect(refusal(json, [authorityAnchor(root, SAN, 'https://accounts.other')])).toBe('signer_identity_unknown')
    expect(refusal(await signedBy(await leafOf()), [authorityAnchor(root, SAN, issuer)])).toBe(
      'signer_identity_unknown',
    )
  })

  it('is refused when the payload was changed', async () => {
    const json = await signedBy(await leafOf())
    const payload = Buffer.from('{}').toString('base64')
    expect(refusal({ ...json, dsseEnvelope: { ...json.dsseEnvelope, payload } }, [authorityAnchor(root)])).toBe(
      'signature_invalid',
    )
  })
})

describe('what is no bundle', () => {
  it.each([
    ['nothing', Buffer.alloc(0), 'evidence_malformed'],
    ['no JSON', Buffer.from('{"mediaType":'), 'evidence_malformed'],
    ['no UTF-8', Buffer.from([0xff, 0xfe, 0x7b]), 'evidence_malformed'],
    ['JSON of another form', Buffer.from('[]'), 'evidence_malformed'],
    ['deep nesting', Buffer.from('['.repeat(500_000)), 'evidence_malformed'],
  ])('is refused: %s', (_, bytes, code) => {
    expect(readBundle(bytes)).toMatchObject({ refused: code })
  })

  it('is refused for its version, several signatures, several signers, or a field that is not base64', async () => {
    const json = await signBundle(PAYLOAD, await newSigner())
    const [signature] = json.dsseEnvelope.signatures as object[]
    const material = { ...json.verificationMaterial, certificate: { rawBytes: 'AAAA' } }
    const code = (other: object) => (readBundle({ ...json, ...other }) as { refused?: string }).refused
    expect(code({})).toBeUndefined()
    expect(code({ mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1' })).toBe('bundle_media_type')
    expect(code({ mediaType: 'application/vnd.dev.sigstore.bundle.v0.4+json' })).toBe('bundle_media_type')
    expect(code({ dsseEnvelope: { ...json.dsseEnvelope, signatures: [signature, signature] } })).toBe(
      'evidence_malformed',
    )
    expect(code({ dsseEnvelope: { ...json.dsseEnvelope, payload: '####' } })).toBe('evidence_malformed')
    expect(code({ verificationMaterial: material })).toBe('evidence_malformed')
    expect(code({ messageSignature: {} })).toBe('evidence_malformed')
  })

  it('is refused, not thrown, whatever the certificate bytes are', async () => {
    const root = await certify({ ca: true })
    for (const rawBytes of ['AAAA', Buffer.alloc(3000, 0x30).toString('base64')]) {
      const json = await signBundle(PAYLOAD, await newSigner())
      expect(refusal({ ...json, verificationMaterial: { certificate: { rawBytes } } }, [authorityAnchor(root)])).toBe(
        'evidence_malformed',
      )
    }
  })
})
