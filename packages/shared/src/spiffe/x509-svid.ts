/** X.509-SVIDs (SPIFFE X509-SVID): whose certificate is this, by the bundle of its trust domain and nothing else. */
import 'reflect-metadata'
import { type KeyObject, X509Certificate } from 'node:crypto'
import { unauthenticated } from '@credence/contracts/errors'
import * as x509 from '@peculiar/x509'
import type { TrustBundle } from './bundle.ts'
import { parseSpiffeId, type SpiffeId, workloadIdOf } from './id.ts'

export type X509Svid = { id: SpiffeId; certificate: X509Certificate; expiresAt: Date }

/** Certificates between the SVID and the bundle. */
const MAX_INTERMEDIATES = 4

/** What RFC 5280 calls processed: a critical extension that is not here refuses the certificate (§4.2). */
const OIDS = {
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectAltName: '2.5.29.17',
}
/** What collisions are not known for; Ed25519 brings its own. */
const HASHES = ['SHA-256', 'SHA-384', 'SHA-512']
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1']
const RSA_BITS = 2_048
const SIGNS = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign

/**
 * Verifies an X.509-SVID: its fields (X509-SVID §4), then its path to an authority of the bundle (§5, RFC 5280 §6.1).
 * The system's trust store plays no part. That the peer holds the key is for TLS to prove.
 * @param chain DER, the SVID first, then what stands between it and the bundle
 * @throws CredenceError `unauthenticated` with a reason that begins with `x509_svid_`, `spiffe_id_` or `trust_domain_`
 */
export function verifyX509Svid(chain: readonly Uint8Array[], bundle: TrustBundle, options: { now: Date }): X509Svid {
  const [leaf, ...intermediates] = chain.map(read)
  if (!leaf) throw refused('missing', 'there is no certificate')
  if (intermediates.length > MAX_INTERMEDIATES)
    throw refused('chain', `at most ${MAX_INTERMEDIATES} certificates may stand above it`)
  const id = workloadIdOf(onlyUri(leaf), bundle.trustDomain)
  refuseUnlessLeaf(leaf)
  refuseUnlessValid(leaf, options.now)
  if (!leaf.strongKey || !leaf.strongSignature)
    throw refused('weak', 'its key is too small, or it is signed by way of a broken hash')
  if (!isAnchored(leaf, intermediates, bundle, options.now))
    throw refused('untrusted', `it does not lead to an authority of the bundle of ${bundle.trustDomain}`)
  return { id, certificate: leaf.node, expiresAt: leaf.notAfter }
}

/**
 * Whose bundle an SVID asks to be verified by. What it says is believed only when that bundle's authority vouches for it.
 * @throws CredenceError `unauthenticated`
 */
export function claimedX509TrustDomain(leaf: Uint8Array): string {
  return parseSpiffeId(claimedUri(leaf)).trustDomain
}

/** Read loosely and fast: it chooses the bundle, and is read once more, strictly, by whoever verifies. */
function claimedUri(leaf: Uint8Array): string {
  try {
    const names = new X509Certificate(leaf).subjectAltName?.split(', ') ?? []
    const [only = '', ...more] = names.filter((name) => name.startsWith('URI:'))
    if (only && more.length === 0) return only.slice('URI:'.length)
  } catch {
    throw refused('malformed', 'it is not a certificate')
  }
  throw refused('uri', 'it must hold exactly one URI among its names')
}

/** The certificates of a PEM text, in DER. */
export const certificatesIn = (pem: string): Uint8Array[] =>
  x509.PemConverter.decode(pem).map((der) => new Uint8Array(der))

const refused = (reason: string, why: string) =>
  unauthenticated(`x509_svid_${reason}`, `The X.509-SVID is refused: ${why}.`)

type Certificate = {
  node: X509Certificate
  notBefore: Date
  notAfter: Date
  ca: boolean
  pathLength: number | undefined
  usages: number | undefined
  strongKey: boolean
  /** Of whoever issued it. An authority's own is of no account. */
  strongSignature: boolean
  extension(oid: string): x509.Extension | undefined
}

function read(der: Uint8Array): Certificate {
  try {
    const node = new X509Certificate(der)
    // It would take PEM as well, and pass over what follows the certificate.
    if (!node.raw.equals(der)) throw new Error('there is more than a certificate in DER')
    const parsed = new x509.X509Certificate(new Uint8Array(node.raw))
    const extension = (oid: string) => {
      const found = parsed.extensions.filter(({ type }) => type === oid)
      if (found.length > 1) throw new Error('an extension stands there twice')
      return found[0]
    }
    const known = Object.values(OIDS)
    for (const { type, critical } of parsed.extensions) {
      if (critical && !known.includes(type)) throw new Error('an unknown extension is critical')
      extension(type)
    }
    const constraints = extension(OIDS.basicConstraints) as x509.BasicConstraintsExtension | undefined
    const usage = extension(OIDS.keyUsage) as x509.KeyUsagesExtension | undefined
    return {
      node,
      notBefore: parsed.notBefore,
      notAfter: parsed.notAfter,
      ca: constraints?.ca === true,
      pathLength: constraints?.pathLength,
      usages: usage?.usages,
      strongKey: isStrongKey(node.publicKey),
      strongSignature: isStrongSignature(parsed),
      extension,
    }
  } catch (error) {
    throw refused('malformed', `a certificate cannot be used (${error instanceof Error ? error.message : 'broken'})`)
  }
}

function isStrongKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  if (asymmetricKeyType === 'ec') return CURVES.includes(asymmetricKeyDetails?.namedCurve ?? '')
  if (asymmetricKeyType === 'ed25519') return true
  return (asymmetricKeyType ?? '').startsWith('rsa') && (asymmetricKeyDetails?.modulusLength ?? 0) >= RSA_BITS
}

function isStrongSignature({ signatureAlgorithm }: x509.X509Certificate): boolean {
  const { name, hash } = signatureAlgorithm as { name: string; hash?: { name: string } }
  return name === 'Ed25519' || HASHES.includes(hash?.name ?? '')
}

/** X509-SVID §2: exactly one URI among the names; two would let the reader choose. */
function onlyUri({ extension }: Certificate): string {
  const names = extension(OIDS.subjectAltName) as x509.SubjectAlternativeNameExtension | undefined
  const uris = (names?.names.items ?? []).filter(({ type }) => type === 'url')
  const [only] = uris
  if (uris.length !== 1 || !only) throw refused('uri', 'it must hold exactly one URI among its names')
  return only.value
}

/** X509-SVID §4: a certificate that can sign others never authenticates. */
function refuseUnlessLeaf(leaf: Certificate): void {
  if (leaf.ca) throw refused('ca', 'it is a CA certificate')
  const { usages = 0 } = leaf
  if (!(usages & x509.KeyUsageFlags.digitalSignature) || !leaf.extension(OIDS.keyUsage)?.critical)
    throw refused('key_usage', 'it needs a critical key usage with digitalSignature')
  if (usages & SIGNS) throw refused('ca', 'its key may sign certificates')
  const extended = leaf.extension(OIDS.extendedKeyUsage) as x509.ExtendedKeyUsageExtension | undefined
  const wanted = [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]
  if (extended && !wanted.every((usage) => extended.usages.includes(usage)))
    throw refused('key_usage', 'its extended key usage must hold serverAuth and clientAuth')
}

function refuseUnlessValid({ notBefore, notAfter }: Certificate, now: Date): void {
  if (notBefore > now) throw refused('not_yet_valid', 'it is not valid yet')
  if (notAfter < now) throw refused('expired', 'it has expired')
}

/** @param below how many certificates stand between `lower` and the SVID, the SVID not counted */
function isAnchored(lower: Certificate, above: Certificate[], bundle: TrustBundle, now: Date, below = 0): boolean {
  const issues = (upper: Certificate) => mayIssue(upper, below, now) && isIssuedBy(lower, upper)
  if (bundle.x509Authorities.flatMap(usableAuthority).some(issues)) return true
  const [upper, ...rest] = above
  return upper?.strongSignature === true && issues(upper) && isAnchored(upper, rest, bundle, now, below + 1)
}

/** Reading takes ten times as long as a signature, and authorities stay. */
const authorities = new WeakMap<X509Certificate, Certificate[]>()

/** An entry of a bundle that cannot be read vouches for nobody. */
function usableAuthority(authority: X509Certificate): Certificate[] {
  const known = authorities.get(authority)
  if (known) return known
  let usable: Certificate[] = []
  try {
    usable = [read(authority.raw)]
  } catch {}
  authorities.set(authority, usable)
  return usable
}

/** RFC 5280 §4.2.1.9, §4.2.1.3: whether this certificate may sign others, with so many of them above the SVID. */
const mayIssue = (upper: Certificate, below: number, now: Date): boolean =>
  upper.ca &&
  upper.strongKey &&
  ((upper.usages ?? 0) & x509.KeyUsageFlags.keyCertSign) !== 0 &&
  (upper.pathLength === undefined || upper.pathLength >= below) &&
  upper.notBefore <= now &&
  upper.notAfter >= now

const isIssuedBy = (lower: Certificate, upper: Certificate): boolean =>
  lower.node.checkIssued(upper.node) && lower.node.verify(upper.node.publicKey)
