/** Enrolment by credential activation: endorsement, attestation key, and a credential for both (TPM 2.0 Part 1 §24). */
import { randomBytes } from 'node:crypto'
import { tpmEnrolmentBinding } from '@credence/contracts/attestation/binding'
import { sha256 } from '@credence/shared/digest'
import type { AboutEnrolment, EnrolmentEvidence, Prepared, TpmEnroller } from '../../api/tpm-enrolment.ts'
import { attestationKeyOf, same } from './attestation-key.ts'
import { makeCredential } from './credential.ts'
import { endorse, endorsementDigestOf } from './endorsement.ts'
import { type PublicArea, parseSizedPublicArea } from './public-area.ts'
import { TpmFault } from './reader.ts'

const SECRET_BYTES = 32

export const tpmEnroller: TpmEnroller = {
  prepare: (evidence, about) => {
    let ekDigest: string | undefined
    try {
      const area = parseSizedPublicArea(evidence.endorsementPublic)
      ekDigest = endorsementDigestOf(area)
      return prepare(evidence, about, { area, digest: ekDigest })
    } catch (error) {
      if (!(error instanceof TpmFault)) throw error
      return { refused: error.code, detail: error.message, ...(ekDigest ? { ekDigest } : {}) }
    }
  },
  isSecret: (secret, digest) => same(Buffer.from(sha256(secret), 'hex'), Buffer.from(digest, 'hex')),
}

function prepare(
  evidence: EnrolmentEvidence,
  about: AboutEnrolment,
  endorsement: { area: PublicArea; digest: string },
): Prepared {
  const { area, digest } = endorsement
  const { anchor, certified, manufacturer, expiresAt } = endorse(endorsement, evidence.endorsementCertificates, about)
  const binding = tpmEnrolmentBinding({ ...about.agent, audience: about.audience })
  const key = attestationKeyOf(evidence, binding)
  const secret = randomBytes(SECRET_BYTES)
  return {
    record: {
      ek_digest: digest,
      ak_name: hex(key.name),
      ak_qualified_name: hex(key.qualifiedName),
      ak_public: Buffer.from(key.publicArea).toString('base64url'),
      certified,
      anchor,
      ...(manufacturer ? { manufacturer } : {}),
      ...(expiresAt ? { endorsement_expires_at: expiresAt.toISOString() } : {}),
      secret_digest: sha256(secret),
    },
    ...makeCredential(area, key.name, secret),
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
