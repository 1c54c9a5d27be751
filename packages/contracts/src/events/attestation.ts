/** Events of the ATTESTATION stream. */
import { z } from 'zod'
import {
  AgentId,
  ChallengeId,
  Composition,
  EarStatus,
  Instant,
  Prose,
  ReferenceId,
  ResultId,
  Sha256,
  Slug,
} from './values.ts'

export const attestationEvents = {
  'credence.attestation.profile.defined.v1': z.strictObject({
    blueprint: Slug,
    version: z.int().positive(),
    required_kinds: z.array(z.enum(['software'])).min(1),
    worst_acceptable_status: z.enum(['affirming', 'warning']),
    maximum_age_seconds: z.int().positive(),
  }),
  'credence.attestation.reference.approved.v1': z.strictObject({
    reference: ReferenceId,
    blueprint: Slug,
    composition: Composition,
    label: Prose,
  }),
  'credence.attestation.challenge.issued.v1': z.strictObject({
    challenge: ChallengeId,
    agent: AgentId,
    nonce_digest: Sha256,
    expires_at: Instant,
  }),
  'credence.attestation.result.recorded.v1': z.strictObject({
    result: ResultId,
    challenge: ChallengeId,
    agent: AgentId,
    kind: z.string(),
    status: EarStatus,
    /** Whether the status meets the profile that was in force. */
    accepted: z.boolean(),
    /** AR4SI trustworthiness vector (draft-ietf-rats-ar4si). */
    trustworthiness_vector: z.record(z.string(), z.int().min(-128).max(127)),
    reasons: z.array(z.string()),
    composition: Composition.optional(),
    reference: ReferenceId.optional(),
    profile_version: z.int().optional(),
    /** SHA-256 of the EAR that was handed out. */
    result_digest: Sha256,
    expires_at: Instant,
  }),
} as const
