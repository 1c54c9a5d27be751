/** What both ends of an attestation must spell alike: the statement’s type, and what evidence is bound to. */
import { createHash } from 'node:crypto'
import type { EvidenceKind } from './kinds.ts'

/** The agent’s signed statement, which binds all pieces of evidence together. */
export const STATEMENT_TYPE = 'credence-evidence+jwt'

export const purposeOf = (kind: EvidenceKind): string => `attestation/${kind}`

const DOMAIN = 'credence-evidence-v1'
const ENROLMENT_DOMAIN = 'credence-tpm-enrolment-v1'

/**
 * What evidence of a kind is bound to (RFC 9334 §10.2): SHA-256 over domain, nonce, the agent’s key, purpose and
 * audience, each with its length in four bytes before it, so that no two lists give the same bytes. A producer that signs
 * a nonce signs these 32 bytes.
 * @param about.nonce as the challenge gave it @param about.keyThumbprint RFC 7638
 */
export const evidenceBinding = (about: {
  kind: EvidenceKind
  nonce: string
  keyThumbprint: string
  audience: string
}): Buffer => bound([DOMAIN, about.nonce, about.keyThumbprint, purposeOf(about.kind), about.audience])

/** What the certification of an attestation key’s creation carries: which agent, with which key, enrols it where. */
export const tpmEnrolmentBinding = (about: { spiffeId: string; keyThumbprint: string; audience: string }): Buffer =>
  bound([ENROLMENT_DOMAIN, about.spiffeId, about.keyThumbprint, about.audience])

function bound(parts: readonly string[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) {
    const bytes = Buffer.from(part)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.byteLength)
    hash.update(length).update(bytes)
  }
  return hash.digest()
}
