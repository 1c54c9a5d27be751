/** A trust domain of somebody else's, made in the test: for SVIDs that no honest SPIRE would give. */
import 'reflect-metadata'
import { createPublicKey, generateKeyPairSync, KeyObject, randomBytes, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { SignJWT } from 'jose'

const ES256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const USAGE = x509.KeyUsageFlags
const { serverAuth, clientAuth } = x509.ExtendedKeyUsage
const HOUR_MS = 3_600_000

export type KeyAlgorithm = {
  name: string
  namedCurve?: string
  hash?: string
  modulusLength?: number
  publicExponent?: Uint8Array<ArrayBuffer>
}
export type SvidParts = {
  uris?: string[]
  usage?: number
  ca?: boolean
  notBefore?: Date
  notAfter?: Date
  algorithm?: KeyAlgorithm
}
export type ForeignDomain = Awaited<ReturnType<typeof foreignDomain>>

/** @param now the time around which everything in it is valid */
export async function foreignDomain(trustDomain: string, now: Date) {
  const at = (hours: number) => new Date(now.getTime() + hours * HOUR_MS)
  const newKeys = (algorithm: KeyAlgorithm) =>
    webcrypto.subtle.generateKey(algorithm as never, true, [
      'sign',
      'verify',
    ]) as unknown as Promise<webcrypto.CryptoKeyPair>
  const authority = await newKeys(ES256)
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: `O=${trustDomain}`,
    notBefore: at(-1),
    notAfter: at(24),
    signingAlgorithm: ES256,
    keys: authority,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(USAGE.keyCertSign | USAGE.cRLSign, true),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: `spiffe://${trustDomain}` }]),
    ],
  })
  const tokens = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const authorityJwk = createPublicKey(root.publicKey.toString('pem')).export({ format: 'jwk' })
  const bundle = JSON.stringify({
    spiffe_sequence: 1,
    keys: [
      { ...authorityJwk, use: 'x509-svid', x5c: [root.toString('base64')] },
      { ...tokens.publicKey.export({ format: 'jwk' }), use: 'jwt-svid', kid: 'k1' },
    ],
  })
  return {
    trustDomain,
    /** SPIFFE bundle, JSON. */
    bundle,
    tokenKey: tokens.privateKey,
    /** An X.509-SVID by the authority, and its key. */
    svid: async (path: string, parts: SvidParts = {}): Promise<{ chain: Uint8Array[]; key: KeyObject }> => {
      const { uris = [`spiffe://${trustDomain}${path}`], usage = USAGE.digitalSignature, ca = false } = parts
      const keys = await newKeys(parts.algorithm ?? ES256)
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: randomBytes(8).toString('hex'),
        subject: 'O=SPIRE',
        issuer: root.subject,
        notBefore: parts.notBefore ?? at(-0.1),
        notAfter: parts.notAfter ?? at(1),
        signingAlgorithm: ES256,
        publicKey: keys.publicKey,
        signingKey: authority.privateKey,
        extensions: [
          new x509.BasicConstraintsExtension(ca, undefined, true),
          new x509.KeyUsagesExtension(usage, true),
          new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
          new x509.SubjectAlternativeNameExtension(uris.map((value) => ({ type: 'url', value }))),
        ],
      })
      return { chain: [new Uint8Array(certificate.rawData)], key: KeyObject.from(keys.privateKey) }
    },
    /** A JWT-SVID; claims and header may be bent. */
    token: (
      path: string,
      claims: object = {},
      header: object = {},
      key: KeyObject = tokens.privateKey,
    ): Promise<string> => {
      const seconds = Math.floor(now.getTime() / 1000)
      return new SignJWT({ sub: `spiffe://${trustDomain}${path}`, iat: seconds, exp: seconds + 300, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: 'k1', ...header })
        .sign(key)
    },
  }
}
