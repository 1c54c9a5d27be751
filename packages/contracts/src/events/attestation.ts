/** Events of the ATTESTATION stream. */
import { z } from 'zod'
import { CLAIMS } from '../attestation/claims.ts'
import { EVIDENCE_KINDS, EvidenceKind, ModelGrade } from '../attestation/kinds.ts'
import { ProfileParts } from '../attestation/requirements.ts'
import { Anchor, Reference } from '../attestation/trust.ts'
import {
  AgentId,
  AnchorId,
  ChallengeId,
  Composition,
  EarStatus,
  EnrolmentId,
  Instant,
  Prose,
  ReferenceId,
  ResultId,
  Sensitivity,
  Sha256,
  Slug,
} from './values.ts'

/** AR4SI trustworthiness vector (draft-ietf-rats-ar4si §2.3). */
const Vector = z.record(z.string(), z.int().min(-128).max(127))

const piece = {
  /** SHA-256 of the evidence. */
  digest: Sha256,
  status: EarStatus,
  trustworthiness_vector: Vector,
  reasons: z.array(z.string()),
  /** When it was measured or signed, as far as the kind can tell. */
  measured_at: Instant.optional(),
  anchors: z.array(AnchorId),
}
/** One piece of evidence as it was appraised; without claims when it was refused. */
const Appraised = z.discriminatedUnion(
  'kind',
  EVIDENCE_KINDS.map((kind) =>
    z.strictObject({ kind: z.literal(kind), claims: CLAIMS[kind].optional(), ...piece }),
  ) as never,
) as z.ZodType<AppraisedPiece>
export type AppraisedPiece = {
  [K in EvidenceKind]: z.infer<z.ZodObject<typeof piece>> & {
    kind: K
    claims?: z.infer<(typeof CLAIMS)[K]> | undefined
  }
}[EvidenceKind]

/** A TPM and the agent that has it: both keys and the agent in one record, so that nobody reads them apart. */
const Tpm = z.strictObject({
  enrolment: EnrolmentId,
  agent: AgentId,
  /** RFC 7638, of the agent’s key. */
  key_thumbprint: z.string(),
  /** SHA-256 of the public area (TPMT_PUBLIC) of the endorsement key. */
  ek_digest: Sha256,
  /** Name, qualified name (TPM 2.0 Part 1 §16; hexadecimal) and public area (TPMT_PUBLIC, base64url) of the attestation key. */
  ak_name: z.string().regex(/^[0-9a-f]{68,132}$/),
  ak_qualified_name: z.string().regex(/^[0-9a-f]{68,132}$/),
  ak_public: z.base64url().max(2_048),
  /** Whether a manufacturer’s certificate vouches for the endorsement key; otherwise the key is listed. */
  certified: z.boolean(),
  /** Whose word it is. */
  anchor: AnchorId,
  manufacturer: z.string().max(64).optional(),
})

export const attestationEvents = {
  /** A draft: it counts once it is activated. */
  'credence.attestation.profile.defined.v1': ProfileParts.extend({ version: z.int().positive() }),
  'credence.attestation.profile.activated.v1': z.strictObject({ blueprint: Slug, version: z.int().positive() }),
  'credence.attestation.reference.approved.v1': Reference,
  'credence.attestation.reference.withdrawn.v1': z.strictObject({ reference: ReferenceId, reason: Prose }),
  'credence.attestation.anchor.approved.v1': Anchor,
  'credence.attestation.anchor.withdrawn.v1': z.strictObject({ anchor: AnchorId, reason: Prose }),
  /** A value that no agent may run on, whatever was approved: a bad image, a poisoned model. */
  'credence.attestation.measurement.blocked.v1': z.strictObject({ digest: Sha256, reason: Prose }),
  'credence.attestation.measurement.unblocked.v1': z.strictObject({ digest: Sha256, reason: Prose }),
  'credence.attestation.challenge.issued.v1': z.strictObject({
    challenge: ChallengeId,
    agent: AgentId,
    key_thumbprint: z.string(),
    nonce_digest: Sha256,
    expires_at: Instant,
  }),
  'credence.attestation.result.recorded.v1': z.strictObject({
    result: ResultId,
    challenge: ChallengeId,
    agent: AgentId,
    blueprint: Slug,
    key_thumbprint: z.string(),
    status: EarStatus,
    /** Whether it meets the profile that was in force. */
    accepted: z.boolean(),
    /** The agent had an accepted result, and what it is made of is another now. */
    changed: z.boolean(),
    /** Kinds of evidence that passed. */
    kinds: z.array(EvidenceKind),
    evidence: z.array(Appraised),
    trustworthiness_vector: Vector,
    /** `<kind>/<code>`, or a code of the whole. */
    reasons: z.array(z.string()),
    composition: Composition.optional(),
    /** Whether somebody approved exactly this composition; otherwise it is the agent’s own word, and nothing else. */
    composition_approved: z.boolean().optional(),
    model_grade: ModelGrade.optional(),
    /** What it rests on: when one of these is withdrawn or blocked, the result counts no more. */
    references: z.array(ReferenceId),
    anchors: z.array(AnchorId),
    digests: z.array(Sha256),
    profile_version: z.int().optional(),
    /** For which resources it is enough, and until when. */
    sufficient: z.array(z.strictObject({ sensitivity: Sensitivity, expires_at: Instant })),
    /** SHA-256 of the EAR that was handed out. */
    result_digest: Sha256,
    expires_at: Instant,
  }),
  /** A TPM was asked to open a credential (TPM 2.0 Part 1 §24): 60 seconds, one answer. */
  'credence.attestation.tpm.challenged.v1': Tpm.extend({
    /** SHA-256 of the secret inside. */
    secret_digest: Sha256,
    expires_at: Instant,
    endorsement_expires_at: Instant.optional(),
  }),
  /** `expires_at`: when the certificates of the endorsement key end. */
  'credence.attestation.tpm.enrolled.v1': Tpm.extend({ expires_at: Instant.optional() }),
  /** `enrolment`: that was under way, and is used up. */
  'credence.attestation.tpm.refused.v1': z.strictObject({
    agent: AgentId,
    enrolment: EnrolmentId.optional(),
    ek_digest: Sha256.optional(),
    reason: z.string().regex(/^[a-z][a-z0-9_]{1,63}$/),
  }),
  'credence.attestation.tpm.removed.v1': z.strictObject({ agent: AgentId, ek_digest: Sha256, reason: Prose }),
  /** It counts no more, before its time. */
  'credence.attestation.result.revoked.v1': z.strictObject({
    result: ResultId,
    agent: AgentId,
    cause: z.enum(['reference_withdrawn', 'anchor_withdrawn', 'measurement_blocked', 'profile_changed', 'tpm_removed']),
    /** Id or digest of what was withdrawn, or version of the profile. */
    because: z.string(),
    consequence: z.enum(['quarantine', 'suspend']),
    reason: Prose,
  }),
} as const
