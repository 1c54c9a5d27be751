import 'reflect-metadata'
import { webcrypto, X509Certificate } from 'node:crypto'
import { connect, createServer, getCACertificates, rootCertificates, setDefaultCACertificates } from 'node:tls'
import * as x509 from '@peculiar/x509'
import { describe, expect, it } from 'vitest'
import { parseBundle } from './bundle.ts'
import { certificatesIn, verifyX509Svid } from './x509-svid.ts'

const NOW = new Date()
const ID = 'spiffe://acme.example/agent/scheduler/agt_1'
const ES256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const USAGE = x509.KeyUsageFlags
const { serverAuth, clientAuth } = x509.ExtendedKeyUsage
const minutes = (count: number) => new Date(NOW.getTime() + count * 60_000)
const newKeys = (algorithm: Algorithm = ES256) =>
  webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>
const rsa = (modulusLength: number, hash = 'SHA-256') => ({
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash,
})

type Algorithm = typeof ES256 | ReturnType<typeof rsa> | { name: 'Ed25519' }
type Made = { certificate: x509.X509Certificate; keys: webcrypto.CryptoKeyPair; algorithm: Algorithm }
type Parts = {
  algorithm?: Algorithm
  /** Its hash, instead of the one of the issuer's key. */
  signedBy?: Algorithm
  issuer?: Made
  extensions: x509.Extension[]
  subject?: string
  notBefore?: Date
  notAfter?: Date
}
async function make({
  issuer,
  extensions,
  subject = 'O=SPIFFE',
  notBefore = minutes(-1),
  notAfter = minutes(60),
  algorithm = ES256,
  signedBy = issuer?.algorithm ?? algorithm,
}: Parts): Promise<Made> {
  const keys = await newKeys(algorithm)
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(8))).toString('hex'),
    subject,
    issuer: issuer?.certificate.subject ?? subject,
    notBefore,
    notAfter,
    signingAlgorithm: signedBy,
    publicKey: keys.publicKey,
    signingKey: issuer?.keys.privateKey ?? keys.privateKey,
    extensions,
  })
  return { certificate, keys, algorithm }
}
const uris = (...names: string[]) =>
  new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'url', value })))
const authority = (part: Partial<Parts> & { pathLength?: number; usage?: number; ca?: boolean } = {}) =>
  make({
    subject: 'CN=CA',
    extensions: [
      new x509.BasicConstraintsExtension(part.ca ?? true, part.pathLength, true),
      new x509.KeyUsagesExtension(part.usage ?? USAGE.keyCertSign | USAGE.cRLSign, true),
      uris('spiffe://acme.example'),
    ],
    ...part,
  })
const leaf = (
  issuer: Made,
  part: Partial<Parts> & { names?: x509.Extension; more?: x509.Extension[]; usage?: number; critical?: boolean } = {},
) =>
  make({
    issuer,
    extensions: [
      new x509.KeyUsagesExtension(part.usage ?? USAGE.digitalSignature, part.critical ?? true),
      part.names ?? uris(ID),
      ...(part.more ?? [new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth])]),
    ],
    ...part,
  })
const bundleOf = (...authorities: Made[]) =>
  parseBundle(
    'acme.example',
    JSON.stringify({
      keys: authorities.map(({ certificate }) => ({
        kty: 'EC',
        use: 'x509-svid',
        x5c: [certificate.toString('base64')],
      })),
    }),
  )
const der = (...chain: Made[]) => chain.map(({ certificate }) => new Uint8Array(certificate.rawData))
const verify = (chain: Made[], ...authorities: Made[]) =>
  verifyX509Svid(der(...chain), bundleOf(...authorities), { now: NOW })
const refuses = (chain: Made[], reason: string, ...authorities: Made[]) =>
  expect(() => verify(chain, ...authorities), reason).toThrow(
    expect.objectContaining({ status: 'unauthenticated', reason }),
  )

describe('X.509-SVIDs', () => {
  it('X509-SVID §4 and §5, a certificate by an authority of the bundle says whose it is, directly or by others between', async () => {
    const ca = await authority()
    expect(verify([await leaf(ca)], await authority(), ca).id.id).toBe(ID)
    const between = await authority({ issuer: ca, subject: 'CN=between', pathLength: 0 })
    expect(verify([await leaf(between), between], ca).id.id).toBe(ID)
    expect(verify([await leaf(ca, { more: [] })], ca).id.path).toBe('/agent/scheduler/agt_1')
    const withHost = new x509.SubjectAlternativeNameExtension([
      { type: 'dns', value: 'a.example' },
      { type: 'url', value: ID },
    ])
    const made = await leaf(ca, { names: withHost })
    const [one] = certificatesIn(made.certificate.toString('pem'))
    expect(verifyX509Svid([one as Uint8Array], bundleOf(ca), { now: NOW }).expiresAt).toEqual(made.certificate.notAfter)
  })

  it('spiffe-x509-two-sans: X509-SVID §2, there is exactly one URI among the names', async () => {
    const ca = await authority()
    for (const names of [uris(ID, ID), uris(ID, 'spiffe://acme.example/other'), uris(ID, 'https://acme.example')])
      refuses([await leaf(ca, { names })], 'x509_svid_uri', ca)
    const none = new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'acme.example' }])
    refuses([await leaf(ca, { names: none })], 'x509_svid_uri', ca)
    refuses([await leaf(ca, { more: [uris(ID)] })], 'x509_svid_malformed', ca)
    refuses([await leaf(ca, { names: uris('https://acme.example/x') })], 'spiffe_id_malformed', ca)
    refuses([await leaf(ca, { names: uris('spiffe://acme.example') })], 'spiffe_id_without_path', ca)
    refuses([await leaf(ca, { names: uris('spiffe://other.example/x') })], 'trust_domain_mismatch', ca)
  })

  it('spiffe-x509-ca-leaf: X509-SVID §4.1 and §4.3, a certificate that can sign others authenticates nobody', async () => {
    const ca = await authority()
    refuses([await leaf(ca, { more: [new x509.BasicConstraintsExtension(true, 0, true)] })], 'x509_svid_ca', ca)
    for (const usage of [USAGE.keyCertSign, USAGE.cRLSign])
      refuses([await leaf(ca, { usage: USAGE.digitalSignature | usage })], 'x509_svid_ca', ca)
    // The authority itself, by its own signature.
    refuses([ca], 'spiffe_id_without_path', ca)
    const named = await make({
      subject: 'CN=CA',
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(USAGE.keyCertSign | USAGE.digitalSignature, true),
        uris(ID),
      ],
    })
    refuses([named], 'x509_svid_ca', named)
    expect(
      verify([await leaf(ca, { more: [new x509.BasicConstraintsExtension(false, undefined, true)] })], ca).id.id,
    ).toBe(ID)
  })

  it('spiffe-x509-system-store-not-used: X509-SVID §5, what the system trusts is worth nothing here', async () => {
    const known = await authority()
    const ours = await authority()
    const names = new x509.SubjectAlternativeNameExtension([
      { type: 'url', value: ID },
      { type: 'dns', value: 'localhost' },
    ])
    const foreign = await leaf(known, { names })
    const before = getCACertificates('default')
    setDefaultCACertificates([...before, known.certificate.toString('pem')])
    try {
      await handshake(foreign)
      refuses([foreign], 'x509_svid_untrusted', ours)
      refuses([foreign, known], 'x509_svid_untrusted', ours)
      refuses([foreign], 'x509_svid_untrusted')
    } finally {
      setDefaultCACertificates(before)
    }
    for (const pem of rootCertificates.slice(0, 3))
      expect(() => verifyX509Svid(certificatesIn(pem), bundleOf(ours), { now: NOW })).toThrow('refused')
  })

  it('X509-SVID §4.3 and §4.4, the usages must be those of a workload', async () => {
    const ca = await authority()
    refuses([await leaf(ca, { critical: false })], 'x509_svid_key_usage', ca)
    refuses([await leaf(ca, { usage: USAGE.keyEncipherment })], 'x509_svid_key_usage', ca)
    for (const usage of [serverAuth, clientAuth])
      refuses([await leaf(ca, { more: [new x509.ExtendedKeyUsageExtension([usage])] })], 'x509_svid_key_usage', ca)
    refuses(
      [await leaf(ca, { more: [new x509.Extension('1.2.3.4', true, new Uint8Array([5, 0]))] })],
      'x509_svid_malformed',
      ca,
    )
  })

  it('a small key and a broken hash prove nothing, wherever they stand in the path', async () => {
    const ca = await authority()
    const strong = [ES256, { ...ES256, namedCurve: 'P-384', hash: 'SHA-384' }, rsa(2048), { name: 'Ed25519' as const }]
    for (const algorithm of strong) {
      const other = await authority({ algorithm })
      expect(verify([await leaf(other, { algorithm })], other).id.id, algorithm.name).toBe(ID)
    }
    refuses([await leaf(ca, { algorithm: rsa(1024) })], 'x509_svid_weak', ca)
    const sha1 = { signedBy: { ...ES256, hash: 'SHA-1' } }
    refuses([await leaf(ca, sha1)], 'x509_svid_weak', ca)
    const small = await authority({ algorithm: rsa(1024) })
    refuses([await leaf(small)], 'x509_svid_untrusted', small)
    const between = await authority({ issuer: ca, subject: 'CN=between', ...sha1 })
    refuses([await leaf(between), between], 'x509_svid_untrusted', ca)
    // An authority is believed because it stands in the bundle, not for its signature upon itself.
    const old = await authority(sha1)
    expect(verify([await leaf(old)], old).id.id).toBe(ID)
  })

  it('RFC 5280 §6.1, every certificate of the path is valid now, may issue, and did issue the one below', async () => {
    const ca = await authority()
    refuses([await leaf(ca, { notAfter: minutes(-0.5) })], 'x509_svid_expired', ca)
    refuses([await leaf(ca, { notBefore: minutes(1) })], 'x509_svid_not_yet_valid', ca)
    for (const part of [{ notAfter: minutes(-0.5) }, { ca: false }, { usage: USAGE.digitalSignature }]) {
      const bad = await authority(part)
      refuses([await leaf(bad)], 'x509_svid_untrusted', bad)
    }
    const short = await authority({ pathLength: 0 })
    const below = await authority({ issuer: short, subject: 'CN=below' })
    refuses([await leaf(below), below], 'x509_svid_untrusted', short)
    const between = await authority({ issuer: ca, subject: 'CN=between' })
    refuses([await leaf(between)], 'x509_svid_untrusted', ca)
    refuses([await leaf(between), await authority({ subject: 'CN=between' })], 'x509_svid_untrusted', ca)
    // A workload's own certificate issues nothing.
    const workload = await leaf(ca)
    refuses([await leaf(workload), workload], 'x509_svid_untrusted', ca)
    // Same name, other key.
    refuses([await leaf(await authority())], 'x509_svid_untrusted', ca)
    refuses([], 'x509_svid_missing', ca)
    refuses([await leaf(ca), ca, ca, ca, ca, ca], 'x509_svid_chain', ca)
    const [good = new Uint8Array()] = der(await leaf(ca))
    const pem = Buffer.from(new X509Certificate(good).toString())
    for (const bad of [new Uint8Array([1, 2, 3]), Buffer.concat([good, Buffer.from([0])]), pem])
      expect(() => verifyX509Svid([bad], bundleOf(ca), { now: NOW })).toThrow('is refused')
  })
})

/** A TLS handshake by the default trust store; rejects when that does not trust the server. */
async function handshake({ certificate, keys }: Made): Promise<void> {
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const key = x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')
  const server = createServer({ key, cert: certificate.toString('pem') })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  try {
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', servername: 'localhost' }, () => resolve(void socket.destroy()))
      socket.on('error', reject)
    })
  } finally {
    server.close()
  }
}
