/** Chains of endorsement keys: those of the recorded TPM, and made ones that are wrong in one thing each. */
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import type { Anchor } from '@credence/contracts/attestation/trust'
import * as x509 from '@peculiar/x509'
import { describe, expect, it } from 'vitest'
import { AUDIENCE, listedKey, manufacturer } from '../../testing/tpm.ts'
import { evidenceOf, RECORDED, recorded } from '../../testing/tpm2-quotes/recorded.ts'
import { endorse, endorsementDigestOf } from './endorsement.ts'
import { tpmEnroller } from './enroller.ts'
import { ATTRIBUTE, type PublicArea, parseSizedPublicArea } from './public-area.ts'

const NOW = new Date('2026-11-25T12:00:00Z')
const code = (work: () => unknown): string | undefined => {
  try {
    work()
    return undefined
  } catch (error) {
    return (error as { code?: string }).code
  }
}

describe.each(RECORDED)('the endorsement key of the recorded TPM (%s)', (name) => {
  const one = recorded(name)
  const evidence = evidenceOf(one)
  const area = parseSizedPublicArea(evidence.endorsementPublic)
  const key = { area, digest: endorsementDigestOf(area) }
  const now = new Date(one.made)

  it('is certified by its manufacturer, whose name and end are told', () => {
    // Its certificate names make and model in a critical alternative name, and no subject that says anything.
    expect(endorse(key, evidence.endorsementCertificates, { anchors: [one.anchor], now })).toEqual({
      anchor: one.anchor.anchor,
      certified: true,
      manufacturer: 'id:00001014',
      expiresAt: new Date('9999-12-31T23:59:59Z'),
    })
  })

  it('is not before its time, nor without somebody who vouches for it', () => {
    const before = new Date('2026-01-01T00:00:00Z')
    const asked = (anchors: Anchor[], at = now) =>
      code(() => endorse(key, evidence.endorsementCertificates, { anchors, now: at }))
    expect(asked([one.anchor], before)).toBe('certificate_not_yet_valid')
    expect(asked([])).toBe('chain_untrusted')
    expect(asked([listedKey('0'.repeat(64))])).toBe('chain_untrusted')
  })

  it('may be listed by its digest instead', () => {
    const anchor = listedKey(key.digest)
    const listed = { anchor: anchor.anchor, certified: false }
    expect(endorse(key, [], { anchors: [anchor], now })).toEqual(listed)
    expect(endorse(key, evidence.endorsementCertificates, { anchors: [anchor], now })).toEqual(listed)
    expect(code(() => endorse(key, [], { anchors: [one.anchor], now }))).toBe('endorsement_key_unknown')
  })

  it('is known by one digest, whatever else its public area says', () => {
    const about = { agent: one.agent, audience: AUDIENCE, anchors: [one.anchor], now }
    const digestWith = (endorsementPublic: Uint8Array) => {
      const prepared = tpmEnroller.prepare({ ...evidence, endorsementPublic }, about)
      return 'refused' in prepared ? prepared.refused : prepared.record.ek_digest
    }
    const other = Buffer.from(evidence.endorsementPublic)
    // The first byte of its policy, behind sizes, type, name algorithm and attributes: no certificate says anything of it.
    other[12]! ^= 1
    expect(digestWith(evidence.endorsementPublic)).toBe(one.record.ek_digest)
    expect(digestWith(other)).toBe(one.record.ek_digest)
  })

  it('is vouched for by nobody under an anchor that cannot be decoded', () => {
    const broken = manufacturer('-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n')
    expect(code(() => endorse(key, evidence.endorsementCertificates, { anchors: [broken], now }))).toBe(
      'chain_untrusted',
    )
  })
})

const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
}
const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
x509.cryptoProvider.set(webcrypto as never)

type Parts = {
  usages?: number | undefined
  extended?: string[] | undefined
  ca?: boolean
  from?: string
  until?: string
  extra?: x509.Extension[]
  hash?: string
  issuer?: Partial<{
    usages: number
    ca: boolean
    pathLength: number
    until: string
    from: string
    hash: string
    weak: boolean
  }>
  between?: boolean
  otherKey?: boolean
}

const U = x509.KeyUsageFlags
/** Of RSA, which takes long to make. */
const [keys, others, weakKeys] = await Promise.all(
  [RSA, RSA, { ...RSA, modulusLength: 1024 }].map((kind) =>
    webcrypto.subtle.generateKey(kind, true, ['sign', 'verify']),
  ),
)

/** A manufacturer, and a key with a certificate of it: an RSA endorsement key in all but what is asked. */
async function made(parts: Parts = {}) {
  const { usages = U.keyEncipherment, extended = ['2.23.133.8.1'], ca = false, issuer = {} } = parts
  const validity = (from = '2026-01-01T00:00:00Z', until = '2027-01-01T00:00:00Z') => ({
    notBefore: new Date(from),
    notAfter: new Date(until),
  })
  if (!keys || !others || !weakKeys) throw new Error('unreachable')
  const rootKeys = issuer.weak ? weakKeys : await webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify'])
  const signing = (hash = 'SHA-256') => (issuer.weak ? { ...RSA, hash } : { ...ECDSA, hash })
  const authority = (pathLength?: number) => [
    new x509.BasicConstraintsExtension(issuer.ca ?? true, pathLength, true),
    new x509.KeyUsagesExtension(issuer.usages ?? U.keyCertSign, true),
  ]
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=A manufacturer',
    keys: rootKeys as never,
    signingAlgorithm: signing(),
    extensions: authority(issuer.pathLength),
    ...validity(issuer.from, issuer.until),
  })
  const middleKeys = await webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify'])
  const middle = await x509.X509CertificateGenerator.create({
    subject: 'CN=A plant',
    issuer: root.subject,
    publicKey: middleKeys.publicKey as never,
    signingKey: rootKeys.privateKey as never,
    signingAlgorithm: signing(),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(U.keyCertSign, true),
    ],
    ...validity(),
  })
  const leaf = await x509.X509CertificateGenerator.create({
    subject: '',
    issuer: parts.between ? middle.subject : root.subject,
    publicKey: (parts.otherKey ? others : keys).publicKey as never,
    signingKey: (parts.between ? middleKeys : rootKeys).privateKey as never,
    signingAlgorithm: parts.between ? ECDSA : signing(parts.hash),
    extensions: [
      new x509.BasicConstraintsExtension(ca, undefined, true),
      ...(usages ? [new x509.KeyUsagesExtension(usages, true)] : []),
      ...(extended ? [new x509.ExtendedKeyUsageExtension(extended as never, false)] : []),
      ...(parts.extra ?? []),
    ],
    ...validity(parts.from, parts.until),
  })
  const { n = '' } = await webcrypto.subtle.exportKey('jwk', keys.publicKey)
  const modulus = Buffer.from(n, 'base64url')
  const must =
    ATTRIBUTE.fixedTpm |
    ATTRIBUTE.fixedParent |
    ATTRIBUTE.sensitiveDataOrigin |
    ATTRIBUTE.restricted |
    ATTRIBUTE.decrypt
  const area: PublicArea = {
    nameAlgorithm: 'sha256',
    attributes: must,
    symmetricBits: 128,
    key: { type: 'rsa', bits: 2048, modulus },
  }
  const der = (one: x509.X509Certificate) => new Uint8Array(one.rawData)
  return {
    area,
    anchor: manufacturer(root.toString('pem')),
    certificates: [der(leaf), ...(parts.between ? [der(middle)] : [])],
    der,
  }
}

async function outcome(parts: Parts = {}, attributes?: number) {
  const { area, anchor, certificates } = await made(parts)
  const key = { area: attributes === undefined ? area : { ...area, attributes }, digest: '0'.repeat(64) }
  return code(() => endorse(key, certificates, { anchors: [anchor], now: NOW }))
}

describe('TCG EK Credential Profile §3.5, RFC 5280 §6.1', () => {
  it('a key with a certificate of its manufacturer, or of a plant of it, is endorsed until the first of them ends', async () => {
    for (const between of [false, true]) {
      const { area, anchor, certificates } = await made({ between, until: '2026-12-01T00:00:00Z' })
      expect(endorse({ area, digest: 'x' }, certificates, { anchors: [anchor], now: NOW })).toEqual({
        anchor: anchor.anchor,
        certified: true,
        expiresAt: new Date('2026-12-01T00:00:00Z'),
      })
    }
    expect(await outcome({ extended: undefined })).toBeUndefined()
  })

  const faults: [name: string, refused: string, parts: Parts][] = [
    ['has expired', 'certificate_expired', { until: '2026-11-24T00:00:00Z' }],
    ['is not valid yet', 'certificate_not_yet_valid', { from: '2026-11-26T00:00:00Z' }],
    ['is for signatures', 'key_usage_wrong', { usages: U.digitalSignature }],
    ['is for key agreement, and the key is RSA', 'key_usage_wrong', { usages: U.keyAgreement }],
    ['names no key usage', 'key_usage_wrong', { usages: 0 }],
    ['may sign certificates', 'key_usage_wrong', { usages: U.keyEncipherment | U.keyCertSign }],
    ['is that of a CA', 'key_usage_wrong', { ca: true }],
    ['is for TLS', 'key_usage_wrong', { extended: ['1.3.6.1.5.5.7.3.1'] }],
    ['is for another key', 'certificate_other_key', { otherKey: true }],
    [
      'has an unknown critical extension',
      'evidence_malformed',
      { extra: [new x509.Extension('1.2.3.4', true, new Uint8Array([5, 0]))] },
    ],
    ['is signed over SHA-1', 'algorithm_weak', { hash: 'SHA-1' }],
    ['was issued by one that has expired', 'certificate_expired', { issuer: { until: '2026-11-24T00:00:00Z' } }],
    [
      'was issued by one that is not valid yet',
      'certificate_not_yet_valid',
      { issuer: { from: '2026-11-26T00:00:00Z' } },
    ],
    ['was issued by one that is no CA', 'key_usage_wrong', { issuer: { ca: false } }],
    // OpenSSL looks for its key usage before the signature.
    ['was issued by one that may not issue', 'chain_untrusted', { issuer: { usages: U.cRLSign } }],
    ['was issued by a key of 1024 bits', 'chain_untrusted', { issuer: { weak: true } }],
    ['has more above it than its issuer allows', 'key_usage_wrong', { between: true, issuer: { pathLength: 0 } }],
  ]
  it.each(faults)('a certificate that %s is refused', async (_name, refused, parts) =>
    expect(await outcome(parts)).toBe(refused),
  )

  it('a certificate by somebody of the same name is refused', async () => {
    const [one, other] = [await made(), await made()]
    expect(
      code(() => endorse({ area: one.area, digest: 'x' }, one.certificates, { anchors: [other.anchor], now: NOW })),
    ).toBe('chain_untrusted')
  })

  it('what is no certificate, is too large, or comes with too many, is refused', async () => {
    const { area, anchor, certificates } = await made()
    const [leaf = new Uint8Array()] = certificates
    const asked = (all: Uint8Array[]) =>
      code(() => endorse({ area, digest: 'x' }, all, { anchors: [anchor], now: NOW }))
    expect(asked([new Uint8Array([1, 2, 3])])).toBe('evidence_malformed')
    expect(asked([new Uint8Array(9_000)])).toBe('evidence_malformed')
    expect(asked(Array.from({ length: 6 }, () => leaf))).toBe('evidence_malformed')
    expect(asked([leaf.subarray(0, 200)])).toBe('evidence_malformed')
  })

  it('a key without the attributes of an endorsement key is refused, whatever vouches for it', async () => {
    const must = ['fixedTpm', 'fixedParent', 'sensitiveDataOrigin', 'restricted', 'decrypt'] as const
    const all = must.reduce((bits, name) => bits | ATTRIBUTE[name], 0)
    for (const name of must) expect(await outcome({}, all & ~ATTRIBUTE[name]), name).toBe('endorsement_key_unsuitable')
    expect(await outcome({}, all | ATTRIBUTE.sign)).toBe('endorsement_key_unsuitable')
  })
})
