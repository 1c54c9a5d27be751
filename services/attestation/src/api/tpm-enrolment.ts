/** What enrolling a TPM needs of the outside: structures read, certificates checked, a credential made. */
import type { Anchor } from '@credence/contracts/attestation/trust'
import type { Enrolling } from '../domain/tpm.ts'

/** As BeginTpmEnrolmentRequest says. */
export type EnrolmentEvidence = {
  endorsementPublic: Uint8Array
  endorsementCertificates: readonly Uint8Array[]
  attestationPublic: Uint8Array
  creationData: Uint8Array
  creationAttest: Uint8Array
  creationSignature: Uint8Array
}

export type AboutEnrolment = {
  agent: { spiffeId: string; keyThumbprint: string }
  audience: string
  /** Those that live, vouch for TPMs, and count for the agent’s blueprint. */
  anchors: readonly Anchor[]
  now: Date
}

/** What was proved so far, and the credential that proves the rest once it is opened. */
export type Prepared = {
  record: Omit<Enrolling, 'enrolment' | 'agent' | 'key_thumbprint' | 'expires_at'>
  /** TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET. */
  credentialBlob: Buffer
  encryptedSecret: Buffer
}

export type TpmEnroller = {
  /** Throws nothing on bad input: what is wrong is refused with a code. `ekDigest`: as far as one could be read. */
  prepare(
    evidence: EnrolmentEvidence,
    about: AboutEnrolment,
  ): Prepared | { refused: string; detail: string; ekDigest?: string }
  /** Whether this is the secret with this digest; in constant time. */
  isSecret(secret: Uint8Array, digest: string): boolean
}
