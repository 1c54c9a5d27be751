/** People who sign what agents are made of, good ones and bad ones: keys, certificates, and bundles by `@sigstore/sign`. */
import 'reflect-metadata'
import { createHash, createPrivateKey, type KeyObject, sign, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { bundleToJSON } from '@sigstore/bundle'
import { DSSEBundleBuilder } from '@sigstore/sign'

x509.cryptoProvider.set(webcrypto as never)

const YEAR_MS = 365 * 86_400_000
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3'
export const IN_TOTO = 'application/vnd.in-toto+json'

export type Algorithm = 'P-256' | 'P-384' | 'P-521' | 'RSA-2048' | 'RSA-1024'
export type Signer = {
  algorithm: Algorithm
  keys: webcrypto.CryptoKeyPair
  privateKey: KeyObject
  privatePem: string
  publicPem: string
}
export type Certified = Signer & { certificate: x509.X509Certificate; pem: string }

const parametersOf = (algorithm: Algorithm, hash: string) =>
  algorithm.startsWith('RSA')
    ? {
        name: 'RSASSA-PKCS1-v1_5',
        hash,
        publicExponent: new Uint8Array([1, 0, 1]),
        modulusLength: Number(algorithm.slice(4)),
      }
    : { name: 'ECDSA', namedCurve: algorithm, hash }

export async function newSigner(algorithm: Algorithm = 'P-256', hash = 'SHA-256'): Promise<Signer> {
  const keys = (await webcrypto.subtle.generateKey(parametersOf(algorithm, hash), true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair
  const privatePem = pemOf('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const publicPem = pemOf('PUBLIC KEY', await webcrypto.subtle.exportKey('spki', keys.publicKey))
  return { algorithm, keys, privateKey: createPrivateKey(privatePem), privatePem, publicPem }
}

const pemOf = (label: string, der: ArrayBuffer): string => {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

export type CertificateWishes = {
  /** Who signs it; itself when nobody does. */
  by?: Certified
  algorithm?: Algorithm
  /** What its signature is made with. */
  hash?: string
  subject?: string
  ca?: boolean
  pathLength?: number
  names?: x509.JsonGeneralNames
  usages?: number
  extendedUsages?: string[]
  from?: Date
  until?: Date
  more?: x509.Extension[]
}

/** A certificate; by default one that may sign for builders, or an authority when `ca` says so. */
export async function certify(wishes: CertificateWishes = {}): Promise<Certified> {
  const { by, algorithm = 'P-256', hash = 'SHA-256', ca = false, pathLength, names, more = [] } = wishes
  const signer = await newSigner(algorithm, hash)
  const subject = wishes.subject ?? (ca ? 'CN=Test authority' : 'CN=Test signer')
  const usages = wishes.usages ?? (ca ? x509.KeyUsageFlags.keyCertSign : x509.KeyUsageFlags.digitalSignature)
  const extendedUsages = wishes.extendedUsages ?? (ca ? [] : [CODE_SIGNING])
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(8))).toString('hex'),
    subject,
    issuer: by?.certificate.subject ?? subject,
    notBefore: wishes.from ?? new Date(Date.now() - 60_000),
    notAfter: wishes.until ?? new Date(Date.now() + YEAR_MS),
    signingAlgorithm: parametersOf(by?.algorithm ?? algorithm, hash),
    publicKey: signer.keys.publicKey,
    signingKey: (by ?? signer).keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(ca, pathLength, true),
      new x509.KeyUsagesExtension(usages, true),
      ...(extendedUsages.length > 0 ? [new x509.ExtendedKeyUsageExtension(extendedUsages)] : []),
      ...(names ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      await x509.SubjectKeyIdentifierExtension.create(signer.keys.publicKey),
      ...(by ? [await x509.AuthorityKeyIdentifierExtension.create(by.certificate)] : []),
      ...more,
    ],
  })
  return { ...signer, certificate, pem: `${certificate.toString('pem')}\n` }
}

const HASHES: Record<Algorithm, string> = {
  'P-256': 'sha256',
  'P-384': 'sha384',
  'P-521': 'sha512',
  'RSA-2048': 'sha256',
  'RSA-1024': 'sha256',
}

export type BundleJson = {
  mediaType: string
  verificationMaterial: Record<string, unknown>
  dsseEnvelope: Record<string, unknown>
}

/**
 * A Sigstore bundle v0.3 over a payload, its signer named by the hint at the key, or by the certificates given (the
 * signer’s first; several go into a chain, as model-signing has it).
 */
export async function signBundle(
  payload: string | Uint8Array,
  signer: Signer,
  options: { payloadType?: string; chain?: readonly Certified[]; hash?: string } = {},
): Promise<BundleJson> {
  const { payloadType = IN_TOTO, chain = [], hash = HASHES[signer.algorithm] } = options
  const [leaf] = chain
  const hint = createHash('sha256').update(signer.publicPem).digest('hex')
  const builder = new DSSEBundleBuilder({
    signer: {
      sign: async (data) => ({
        signature: sign(hash, data, signer.privateKey),
        key: leaf
          ? { $case: 'x509Certificate', certificate: leaf.pem }
          : { $case: 'publicKey', publicKey: signer.publicPem, hint },
      }),
    },
    witnesses: [],
    certificateChain: chain.length > 1,
  })
  const json = bundleToJSON(
    await builder.create({ data: Buffer.from(payload), type: payloadType }),
  ) as unknown as BundleJson
  if (chain.length < 2) return json
  // The library writes version 0.2 for a chain; model-signing writes 0.3.
  const certificates = chain.map(({ certificate }) => ({
    rawBytes: Buffer.from(certificate.rawData).toString('base64'),
  }))
  return {
    ...json,
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { ...json.verificationMaterial, x509CertificateChain: { certificates } },
  }
}
