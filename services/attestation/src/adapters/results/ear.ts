/**
 * Attestation results as EAR (draft-ietf-rats-ear-04): one submodule a piece of evidence, bound to the agent’s key, signed
 * by this service so that it verifies offline (packages/sdk/src/resource/attestation-result.ts).
 */
import type { SignAsService } from '@credence/shared/spiffe/signed-jwt'
import type { EarParts, IssueEar } from '../../api/context.ts'
import type { Appraisal } from '../../domain/appraisal.ts'

export const EAR_PROFILE = 'tag:ietf.org,2026:rats/ear#04'
const TYPE = 'eat+jwt'
const DEVELOPER = 'credence'

/** @param issuer SPIFFE ID of this service @param build its version */
export const createIssueEar =
  (sign: SignAsService, issuer: string, build: string): IssueEar =>
  (parts) => {
    const { appraisal, now } = parts
    const claims = {
      iss: issuer,
      sub: parts.spiffeId,
      exp: Math.floor(parts.expiresAt.getTime() / 1000),
      eat_profile: EAR_PROFILE,
      ear_verifier_id: { developer: DEVELOPER, build },
      ear_status: appraisal.status,
      submods: Object.fromEntries(appraisal.evidence.map((piece) => [piece.kind, submodule(piece, parts)])),
      cnf: { jkt: parts.keyThumbprint },
    }
    return sign(claims, { typ: TYPE, now })
  }

function submodule(
  { kind, status, trustworthiness_vector, reasons, claims }: Appraisal['evidence'][number],
  { nonce, policyIds }: EarParts,
) {
  return {
    ear_status: status,
    ear_trustworthiness_vector: trustworthiness_vector,
    ...(policyIds.length > 0 ? { ear_appraisal_policy_ids: policyIds } : {}),
    // The nonce of the challenge stands in the statement, which binds the other pieces.
    ...(kind === 'software' && nonce ? { eat_nonce: nonce } : {}),
    ear_verifier_claims: { reasons, ...(claims ? { claims } : {}) },
  }
}
