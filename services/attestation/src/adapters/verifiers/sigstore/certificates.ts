/** A certificate of somebody who signs for builders: what it says, and whether it may say so (RFC 5280). */
import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { signingKey } from './keys.ts'

export type Certificate = {
  node: X509Certificate
  notBefore: Date
  notAfter: Date
  ca: boolean
  pathLength?: number
  usages: number
  extendedUsages: string[]
  /** Subject alternative names. */
  names: { type: string; value: string }[]
  /** Who told the authority whose certificate it is (Fulcio’s extension 1.8, before it 1.1). */
  issuer?: string
  /** Whether its own key, and what its signature is made with, are strong enough. */
  strongKey: boolean
  stronglySigned: boolean
}

const OIDS = {
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectAltName: '2.5.29.17',
}
const ISSUER = '1.3.6.1.4.1.57264.1.8'
const ISSUER_V1 = '1.3.6.1.4.1.57264.1.1'
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3'
const STRONG_HASHES = ['SHA-256', 'SHA-384', 'SHA-512']

/** @returns undefined for bytes that are no certificate, or one with a critical extension that is not understood */
export function readCertificate(der: Uint8Array): Certificate | undefined {
  try {
    const node = new X509Certificate(der)
    const parsed = new x509.X509Certificate(new Uint8Array(node.raw))
    const types = parsed.extensions.map(({ type }) => type)
    if (new Set(types).size !== types.length) return undefined
    if (parsed.extensions.some(({ type, critical }) => critical && !Object.values(OIDS).includes(type)))
      return undefined
    const extension = (oid: string) => parsed.extensions.find(({ type }) => type === oid)
    const constraints = extension(OIDS.basicConstraints) as x509.BasicConstraintsExtension | undefined
    const extended = extension(OIDS.extendedKeyUsage) as x509.ExtendedKeyUsageExtension | undefined
    const names = extension(OIDS.subjectAltName) as x509.SubjectAlternativeNameExtension | undefined
    const { hash } = parsed.signatureAlgorithm as { hash?: { name: string } }
    return {
      node,
      notBefore: parsed.notBefore,
      notAfter: parsed.notAfter,
      ca: constraints?.ca === true,
      pathLength: constraints?.pathLength,
      usages: (extension(OIDS.keyUsage) as x509.KeyUsagesExtension | undefined)?.usages ?? 0,
      extendedUsages: (extended?.usages ?? []).map(String),
      names: (names?.names.items ?? []).map(({ type, value }) => ({ type, value })),
      issuer: issuerOf(extension(ISSUER)?.value, extension(ISSUER_V1)?.value),
      strongKey: signingKey(node.publicKey) !== undefined,
      // EdDSA has its hash built in.
      stronglySigned: hash === undefined || STRONG_HASHES.includes(hash.name),
    }
  } catch {
    return undefined
  }
}

/** 1.8 holds a DER UTF8String, 1.1 the bare text. */
function issuerOf(current?: ArrayBuffer, first?: ArrayBuffer): string | undefined {
  if (!current) return first && Buffer.from(first).toString('utf8')
  const der = Buffer.from(current)
  const short = der[0] === 0x0c && der[1] !== undefined && der[1] < 0x80 && der.length === 2 + der[1]
  const long = der[0] === 0x0c && der[1] === 0x81 && der[2] !== undefined && der.length === 3 + der[2]
  return short || long ? der.subarray(short ? 2 : 3).toString('utf8') : undefined
}

/** A certificate signs statements when it is for that and for nothing that would let it make others. */
export function usageFault(leaf: Certificate): string | undefined {
  const { usages, extendedUsages } = leaf
  const signs = (usages & x509.KeyUsageFlags.digitalSignature) !== 0 && extendedUsages.includes(CODE_SIGNING)
  return signs && (usages & x509.KeyUsageFlags.keyCertSign) === 0 ? undefined : 'key_usage_wrong'
}

/** Whether it may sign others, with so many certificates between it and the leaf (RFC 5280 §4.2.1.9, §4.2.1.3). */
export const mayIssue = ({ ca, usages, pathLength }: Certificate, below: number): boolean =>
  ca && (usages & x509.KeyUsageFlags.keyCertSign) !== 0 && (pathLength === undefined || pathLength >= below)

/** Exactly one name may stand there (two would let the reader choose), and it must be one of those that are pinned. */
export function identityFault(
  { names, issuer }: Certificate,
  pinned: readonly { san: string; issuer?: string }[],
): string | undefined {
  const [name, ...others] = names
  const known =
    name !== undefined &&
    others.length === 0 &&
    pinned.some(
      (identity) =>
        identity.san === name.value &&
        typeOf(identity.san) === name.type &&
        (identity.issuer === undefined || identity.issuer === issuer),
    )
  return known ? undefined : 'signer_identity_unknown'
}

/** An e-mail address must not be answered by a URI that is spelt like one. */
const typeOf = (san: string): string => (san.includes('://') ? 'url' : san.includes('@') ? 'email' : 'dns')
