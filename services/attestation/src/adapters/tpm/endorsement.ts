/**
 * Whose TPM it is: an endorsement key with a certificate that leads to a trusted manufacturer, or one that is listed by its
 * digest (TCG EK Credential Profile for TPM 2.0; RFC 5280 §6.1).
 */
import 'reflect-metadata'
import type { Anchor } from '@credence/contracts/attestation/trust'
import { sha256 } from '@credence/shared/digest'
import * as x509 from '@peculiar/x509'
import { anchorCertificates } from '../anchor-certificates.ts'
import { type Certificate, readCertificate } from './certificate.ts'
import { has, type PublicArea, publicKeyOf } from './public-area.ts'
import { malformed, TpmFault, weak } from './reader.ts'

export type Endorsement = {
  anchor: string
  /** False: the key is listed by its digest, and nobody but the operator says that a TPM holds it. */
  certified: boolean
  /** As the certificate names the manufacturer (TCG Vendor ID Registry), for example `id:494E5443`. */
  manufacturer?: string
  /** When the first certificate of the path ends. */
  expiresAt?: Date
}

const EK_CERTIFICATE = '2.23.133.8.1'
const MANUFACTURER = /(?:^|[,+]\s*)2\.23\.133\.2\.1=(id:[0-9A-Fa-f]{8})(?=$|[,+])/
const MOST_CERTIFICATES = 5

/**
 * What a TPM is known by: SHA-256 of its endorsement key (SubjectPublicKeyInfo). Of the key alone, as its certificate is:
 * what else stands in a public area is the agent’s word, and a blocked TPM could come back under another digest.
 * @throws TpmFault when it is no key
 */
export const endorsementDigestOf = (area: PublicArea): string =>
  sha256(publicKeyOf(area).export({ type: 'spki', format: 'der' }))

/**
 * @param endorsement the public area of the endorsement key, and its `endorsementDigestOf`
 * @param certificates DER, the key’s own first, then what stands between it and the manufacturer’s; may be empty
 * @param anchors those that live and count here; a listed key needs no certificate
 * @throws TpmFault `endorsement_key_unsuitable`, `endorsement_key_unknown`, `chain_untrusted`, `certificate_expired`,
 * `certificate_not_yet_valid`, `key_usage_wrong`, `certificate_other_key`, `evidence_malformed`, `algorithm_weak`
 */
export function endorse(
  endorsement: { area: PublicArea; digest: string },
  certificates: readonly Uint8Array[],
  about: { anchors: readonly Anchor[]; now: Date },
): Endorsement {
  refuseUnsuitable(endorsement.area)
  const listed = about.anchors.find(
    ({ material }) => material.type === 'tpm-endorsement-key' && material.ek_digest === endorsement.digest,
  )
  if (certificates.length === 0) {
    if (listed) return { anchor: listed.anchor, certified: false }
    throw new TpmFault('endorsement_key_unknown', 'endorsement key: it has no certificate, and is not listed')
  }
  try {
    return certified(endorsement.area, certificates, about)
  } catch (error) {
    // What the operator listed counts whatever its certificate is worth; it is not called certified then.
    if (listed && error instanceof TpmFault) return { anchor: listed.anchor, certified: false }
    throw error
  }
}

/** A key that a TPM made, keeps, and decrypts with only as TPMs do. */
function refuseUnsuitable(area: PublicArea): void {
  const must = ['fixedTpm', 'fixedParent', 'sensitiveDataOrigin', 'restricted', 'decrypt'] as const
  if (!must.every((attribute) => has(area, attribute)) || has(area, 'sign'))
    throw new TpmFault('endorsement_key_unsuitable', 'endorsement key: its attributes are not those of one')
  if (!area.symmetricBits) throw weak('endorsement key', 'it names no symmetric cipher')
  if (area.key.type === 'ecc' && area.key.curve === 'P-521')
    throw weak('endorsement key', 'it must be an RSA key, or on P-256 or P-384')
}

function certified(
  area: PublicArea,
  certificates: readonly Uint8Array[],
  { anchors, now }: { anchors: readonly Anchor[]; now: Date },
): Endorsement {
  if (certificates.length > MOST_CERTIFICATES)
    throw malformed('certificates', `there may be at most ${MOST_CERTIFICATES}`)
  const [leaf, ...between] = certificates.map(readCertificate)
  if (!leaf) throw malformed('certificates', 'there is none')
  if (!publicKeyOf(area).equals(leaf.node.publicKey))
    throw new TpmFault('certificate_other_key', 'certificate: it is for another key')
  refuseUnlessEndorses(leaf, area)
  const paths = anchors.flatMap(({ anchor, material }) =>
    material.type === 'tpm-manufacturer'
      ? pathsTo(leaf, between, trusted(material.pem)).map((path) => ({ anchor, path, fault: faultOf(path, now) }))
      : [],
  )
  const found = paths.find(({ fault }) => fault === undefined)
  if (!found)
    throw paths[0]?.fault ?? new TpmFault('chain_untrusted', 'certificate: it leads to no trusted manufacturer')
  const expiresAt = new Date(Math.min(...found.path.map(({ notAfter }) => notAfter.getTime())))
  const [manufacturer] = leaf.directoryNames.flatMap((name) => MANUFACTURER.exec(name)?.[1] ?? [])
  return { anchor: found.anchor, certified: true, manufacturer, expiresAt }
}

/** EK Credential Profile §3.5: no CA, for key exchange, and for nothing else than being an endorsement key. */
function refuseUnlessEndorses(leaf: Certificate, area: PublicArea): void {
  const wanted = area.key.type === 'rsa' ? x509.KeyUsageFlags.keyEncipherment : x509.KeyUsageFlags.keyAgreement
  const { usages = 0, extendedUsages } = leaf
  if (leaf.ca || !(usages & wanted) || usages & x509.KeyUsageFlags.keyCertSign)
    throw new TpmFault('key_usage_wrong', 'certificate: its key usage is not that of an endorsement key')
  if (extendedUsages && !extendedUsages.includes(EK_CERTIFICATE))
    throw new TpmFault('key_usage_wrong', 'certificate: its extended key usage is not that of an endorsement key')
}

/** Certificates of an anchor: each that can be read is trusted by itself, root or not, since it was approved. */
const trusted = (pem: string): Certificate[] =>
  anchorCertificates(pem).flatMap((der) => {
    try {
      return [readCertificate(der)]
    } catch {
      return []
    }
  })

/** Every way up from a certificate to one that is trusted, by names and signatures; whether all of it holds now, `faultOf` says. */
function pathsTo(lower: Certificate, between: Certificate[], anchors: Certificate[]): Certificate[][] {
  const ends = anchors.filter((upper) => isIssuedBy(lower, upper)).map((upper) => [lower, upper])
  const [next, ...rest] = between
  if (!next || !isIssuedBy(lower, next)) return ends
  return [...ends, ...pathsTo(next, rest, anchors).map((path) => [lower, ...path])]
}

const isIssuedBy = (lower: Certificate, upper: Certificate): boolean =>
  lower.node.checkIssued(upper.node) && lower.node.verify(upper.node.publicKey)

function faultOf(path: readonly Certificate[], now: Date): TpmFault | undefined {
  if (path.some(({ notBefore }) => notBefore > now))
    return new TpmFault('certificate_not_yet_valid', 'certificate: the path is not valid yet')
  if (path.some(({ notAfter }) => notAfter < now))
    return new TpmFault('certificate_expired', 'certificate: the path has expired')
  const issuers = path.slice(1)
  const mayIssue = issuers.every(
    ({ ca, usages = 0, pathLength }, below) =>
      ca && usages & x509.KeyUsageFlags.keyCertSign && (pathLength === undefined || pathLength >= below),
  )
  return mayIssue ? undefined : new TpmFault('key_usage_wrong', 'certificate: an issuer may not issue certificates')
}
