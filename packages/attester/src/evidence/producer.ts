/** Who makes evidence of one kind: given what it has to be bound to, a piece as its verifier reads it. */
import type { EvidenceKind } from '@credence/contracts/attestation/kinds'

export type Producer = (about: {
  /** As the challenge gave it, base64url. */
  nonce: string
  /** 32 bytes for this kind (`evidenceBinding`). */
  binding: Uint8Array
  now: Date
}) => Promise<{ kind: EvidenceKind; content: Uint8Array }>
