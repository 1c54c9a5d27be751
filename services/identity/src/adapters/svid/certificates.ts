/** Certificates of our SPIFFE CA and the X.509-SVIDs that it issues. The CA's key signs where it lives, in the key store. */
import 'reflect-metadata'
import { createHash, createPublicKey, type JsonWebKey, randomBytes, type webcrypto } from 'node:crypto'
import { later } from '@credence/shared/clock'
import * as x509 from '@peculiar/x509'
import type { Authority } from '../../api/context.ts'
import type { Certify } from '../keys/key-store.ts'

const ES256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const SKEW_SECONDS = 60
/** Longer than any schedule keeps it: what ends a CA is that its certificate leaves the bundle. */
const AUTHORITY_SECONDS = 3 * 366 * 86_400
const { serverAuth, clientAuth } = x509.ExtendedKeyUsage

type Sign = (bytes: Uint8Array) => Promise<Uint8Array>

/**
 * The self-signed CA certificate of a new key (X509-SVID §4): its one name is the trust domain, it may sign leaves only.
 */
export const authorityCertificate =
  (trustDomain: string): Certify =>
  async ({ publicJwk, kid, createdAt }, sign) => {
    const name = new x509.Name([{ O: [trustDomain] }, { CN: [`Credence SVID CA ${kid.slice(0, 16)}`] }])
    const spki = spkiOf(publicJwk as JsonWebKey)
    const certificate = await x509.X509CertificateGenerator.create(
      {
        serialNumber: newSerial(),
        subject: name,
        issuer: name,
        notBefore: later(createdAt, -SKEW_SECONDS),
        notAfter: later(createdAt, AUTHORITY_SECONDS),
        publicKey: spki,
        signingKey: SIGNING_KEY,
        signingAlgorithm: ES256,
        extensions: [
          new x509.BasicConstraintsExtension(true, 0, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
          new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${trustDomain}` }]),
          new x509.SubjectKeyIdentifierExtension(identifierOf(spki)),
        ],
      },
      signingBy(sign),
    )
    return new Uint8Array(certificate.rawData)
  }

/**
 * An X.509-SVID (X509-SVID §2 to §4): a leaf with one URI name, which may only sign handshakes.
 * @returns DER, and the serial number in hexadecimal
 */
export async function svidCertificate(
  authority: Authority,
  about: { spiffeId: string; commonName: string; publicJwk: JsonWebKey; notBefore: Date; notAfter: Date },
): Promise<{ certificate: Uint8Array; serial: string }> {
  const issuer = new x509.X509Certificate(Buffer.from(authority.certificate))
  const serial = newSerial()
  const spki = spkiOf(about.publicJwk)
  const keyIdentifier = issuer.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId ?? ''
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serial,
      subject: new x509.Name([{ CN: [about.commonName] }]),
      issuer: issuer.subjectName,
      notBefore: about.notBefore,
      notAfter: about.notAfter,
      publicKey: spki,
      signingKey: SIGNING_KEY,
      signingAlgorithm: ES256,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
        new x509.SubjectAlternativeNameExtension([{ type: 'url', value: about.spiffeId }]),
        new x509.SubjectKeyIdentifierExtension(identifierOf(spki)),
        new x509.AuthorityKeyIdentifierExtension(keyIdentifier),
      ],
    },
    signingBy(authority.sign),
  )
  return { certificate: new Uint8Array(certificate.rawData), serial }
}

export const pemOf = (...certificates: Uint8Array[]): string =>
  certificates.map((der) => x509.PemConverter.encode(Buffer.from(der), 'CERTIFICATE')).join('\n')

/** Stands for the key in the key store: the library asks it for its algorithm and hands it back to `sign`. */
const SIGNING_KEY = { type: 'private', algorithm: ES256 } as unknown as webcrypto.CryptoKey

/** The one operation of Web Cryptography that making a certificate takes, done by the key store (ECDSA: R and S). */
const signingBy = (sign: Sign) =>
  ({
    subtle: {
      sign: async (_algorithm: unknown, _key: unknown, bytes: ArrayBuffer) =>
        arrayBuffer(await sign(new Uint8Array(bytes))),
    },
  }) as unknown as webcrypto.Crypto

const arrayBuffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer

const spkiOf = (jwk: JsonWebKey): x509.PublicKey =>
  new x509.PublicKey(createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' }))

/** RFC 7093 §2, method 1. */
const identifierOf = (key: x509.PublicKey): string =>
  createHash('sha256').update(Buffer.from(key.rawData)).digest('hex').slice(0, 40)

/** RFC 5280 §4.1.2.2: positive, 126 random bits. */
function newSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40
  return bytes.toString('hex')
}
