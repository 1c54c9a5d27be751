/** Whose word is this: a bundle’s DSSE signature, checked with keys, authorities and Sigstore instances that we named. */
import type { KeyObject } from 'node:crypto'
import type { Anchor } from '@credence/contracts/attestation/trust'
import { anchorCertificates } from '../../anchor-certificates.ts'
import type { Refused, SignedBundle } from './bundle.ts'
import { type Certificate, identityFault, readCertificate, usageFault } from './certificates.ts'
import { chainFault } from './chain.ts'
import { isHintAt, isSignedBy, publicKeyIn, signingKey } from './keys.ts'
import { openTrustedRoot } from './transparency.ts'

/** What was signed, and the anchor that vouches for who did. */
export type Signed = { payload: Buffer; payloadType: string; signer: string }

type SigningAnchor = Pick<Anchor, 'anchor' | 'material'>
type Material<T extends Anchor['material']['type']> = Extract<Anchor['material'], { type: T }>

/** What is signed (DSSE protocol, PAE): type and payload, each with its length. */
export const preAuthEncoding = (payloadType: string, payload: Uint8Array): Buffer =>
  Buffer.concat([
    Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.byteLength} `),
    payload,
  ])

/** Of what several anchors say against a signature, the one that came furthest tells most. */
const NEAREST_FIRST = [
  'signature_invalid',
  'log_entry_invalid',
  'log_entry_missing',
  'signing_time_unproven',
  'signer_identity_unknown',
  'key_usage_wrong',
  'certificate_expired',
  'certificate_not_yet_valid',
  'algorithm_weak',
  'evidence_malformed',
  'chain_untrusted',
]

/**
 * Verifies a bundle’s signature with the living anchors that vouch for this kind of evidence; keys and certificates inside
 * the bundle are only hints. Certificates under an authority must be valid now: nothing proves an earlier time of
 * signing. Under a Sigstore instance its transparency log proves it.
 * @returns what was signed and the anchor relied on, or a code: `anchor_unknown` when no anchor knows the signer, else what
 * the nearest one found: see `NEAREST_FIRST`
 */
export function verifyDsse(signed: SignedBundle, anchors: readonly SigningAnchor[], now: Date): Signed | Refused {
  const found = anchors.map(({ anchor, material }) => ({ anchor, fault: faultUnder(material, signed, now) }))
  const trusted = found.find(({ fault }) => fault === undefined)
  if (trusted) return { payload: signed.payload, payloadType: signed.payloadType, signer: trusted.anchor }
  return { refused: NEAREST_FIRST.find((code) => found.some(({ fault }) => fault === code)) ?? 'anchor_unknown' }
}

function faultUnder(material: Anchor['material'], signed: SignedBundle, now: Date): string | undefined {
  if (material.type === 'public-key') return keyFault(material, signed)
  if (material.type === 'certificate-authority') return authorityFault(material, signed, now)
  if (material.type === 'sigstore') return sigstoreFault(material, signed)
  return 'anchor_unknown'
}

function keyFault(material: Material<'public-key'>, signed: SignedBundle): string | undefined {
  if (signed.signer.by !== 'key') return 'anchor_unknown'
  const key = opened(['key', material.pem], () => publicKeyIn(material.pem))
  if (!key) return 'anchor_unknown'
  const strong = signingKey(key)
  if (!strong) return 'algorithm_weak'
  if (isSignedBy(encoded(signed), signed.signature, strong)) return undefined
  const { hint } = signed.signer
  return hint !== undefined && isHintAt(key, hint) ? 'signature_invalid' : 'anchor_unknown'
}

function authorityFault(
  material: Material<'certificate-authority'>,
  signed: SignedBundle,
  now: Date,
): string | undefined {
  if (signed.signer.by !== 'certificate') return 'anchor_unknown'
  const { pem, intermediates, identities } = material
  const authority = opened(['authority', pem, intermediates], () => ({
    roots: certificates(pem),
    between: intermediates ? certificates(intermediates) : [],
  }))
  const [leaf, ...sent] = signed.signer.chain.map(readCertificate)
  if (!leaf || sent.includes(undefined)) return 'evidence_malformed'
  const between = [...(sent as Certificate[]), ...authority.between]
  return (
    chainFault(leaf, { roots: authority.roots, between, now }) ??
    usageFault(leaf) ??
    identityFault(leaf, identities) ??
    signatureFault(leaf.node.publicKey, signed)
  )
}

function sigstoreFault(material: Material<'sigstore'>, signed: SignedBundle): string | undefined {
  if (signed.signer.by !== 'certificate') return 'anchor_unknown'
  const instance = opened(['sigstore', material.trusted_root], () => openTrustedRoot(material.trusted_root))
  if (!instance) return 'anchor_unknown'
  if (!signed.signer.logged) return 'log_entry_missing'
  const [leaf] = signed.signer.chain.map(readCertificate)
  if (!leaf) return 'evidence_malformed'
  return (
    (leaf.strongKey ? undefined : 'algorithm_weak') ??
    instance.verify(signed, encoded(signed)) ??
    usageFault(leaf) ??
    identityFault(leaf, material.identities)
  )
}

function signatureFault(key: KeyObject, signed: SignedBundle): string | undefined {
  const strong = signingKey(key)
  if (!strong) return 'algorithm_weak'
  return isSignedBy(encoded(signed), signed.signature, strong) ? undefined : 'signature_invalid'
}

const encoded = ({ payloadType, payload }: SignedBundle): Buffer => preAuthEncoding(payloadType, payload)

const certificates = (pem: string): Certificate[] =>
  anchorCertificates(pem).flatMap((der) => {
    const read = readCertificate(der)
    return read ? [read] : []
  })

/** Anchors change seldom and vouch often: each is taken apart once. By its text, for a worker gets a copy every time. */
const openedBefore = new Map<string, unknown>()
const MOST_OPENED = 128
function opened<V>(texts: readonly (string | undefined)[], open: () => V): V {
  const key = texts.join('\n')
  if (!openedBefore.has(key)) {
    if (openedBefore.size >= MOST_OPENED) openedBefore.clear()
    openedBefore.set(key, open())
  }
  return openedBefore.get(key) as V
}
