/**
 * Signers who are known to a Sigstore instance: a short-lived certificate, and a transparency log that saw it in use.
 * The library verifies both against the anchor’s own trusted root; who must have signed is compared here, exactly
 * (the library’s policy takes names as patterns).
 */
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { type SignedEntity, toSignedEntity, toTrustMaterial, VerificationError, Verifier } from '@sigstore/verify'
import type { SignedBundle } from './bundle.ts'
import { isSignedBy, signingKey } from './keys.ts'

type Opened = {
  /** @param encoded what was signed (DSSE, PAE) */
  verify(signed: SignedBundle, encoded: Uint8Array): string | undefined
}

/** @param json a TrustedRoot (sigstore_trustroot.proto) @returns undefined for a text that is none */
export function openTrustedRoot(json: string): Opened | undefined {
  try {
    const root = TrustedRoot.fromJSON(JSON.parse(json))
    const material = toTrustMaterial(root)
    // An instance that logs its certificates must have logged this one too.
    const ctlogThreshold = root.ctlogs.length > 0 ? 1 : 0
    const verifier = new Verifier(material, { ctlogThreshold, tlogThreshold: 1, timestampThreshold: 1 })
    return { verify: (signed, encoded) => faultOf(() => verifier.verify(entityOf(signed, encoded))) }
  } catch {
    return undefined
  }
}

/** The library hashes with SHA-256 whatever the key; here the hash follows its curve. */
function entityOf(signed: SignedBundle, encoded: Uint8Array): SignedEntity {
  const entity = toSignedEntity(bundleFromJSON(signed.json))
  const { signature: content } = entity
  return {
    ...entity,
    signature: {
      signature: content.signature,
      compareSignature: (other) => content.compareSignature(other),
      compareDigest: (digest) => content.compareDigest(digest),
      compareSignedDigest: (digest) => content.compareSignedDigest(digest),
      verifySignature: (key) => {
        const strong = signingKey(key)
        return strong !== undefined && isSignedBy(encoded, signed.signature, strong)
      },
    },
  }
}

function faultOf(verification: () => unknown): string | undefined {
  try {
    verification()
    return undefined
  } catch (error) {
    return error instanceof VerificationError ? CODES[error.code] : 'evidence_malformed'
  }
}

const CODES: Record<VerificationError['code'], string> = {
  NOT_IMPLEMENTED_ERROR: 'evidence_malformed',
  TLOG_ERROR: 'log_entry_missing',
  TLOG_MISSING_INCLUSION_ERROR: 'log_entry_missing',
  TLOG_INCLUSION_PROOF_ERROR: 'log_entry_invalid',
  TLOG_INCLUSION_PROMISE_ERROR: 'log_entry_invalid',
  TLOG_BODY_ERROR: 'log_entry_invalid',
  CERTIFICATE_ERROR: 'chain_untrusted',
  PUBLIC_KEY_ERROR: 'chain_untrusted',
  SIGNATURE_ERROR: 'signature_invalid',
  TIMESTAMP_ERROR: 'signing_time_unproven',
}
