/**
 * Attestation results as EAR (draft-ietf-rats-ear-04): one submodule a piece of evidence, bound to the agent’s key, signed
 * by this service so that they verify offline (packages/sdk/src/resource/attestation-result.ts).
 */
import type { SignAsService } from '@credence/shared/spiffe/signed-jwt'
import type { EarParts, IssueEar } from '../../api/context.ts'
import type { Appraisal } from '../../domain/appraisal.ts'

const PROFILE = 'tag:ietf.org,2026:rats/ear#04'
/** RFC 9782 §4. */
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
      eat_profile: PROFILE,
      ear_verifier_id: { developer: DEVELOPER, build },
      ear_status: appraisal.status,
      submods: Object.fromEntries(counted(appraisal).map((piece) => [piece.kind, submodule(piece, parts)])),
      cnf: { jkt: parts.keyThumbprint },
    }
    return sign(claims, { typ: TYPE, now })
  }

/**
 * The overall status must not be better than that of any submodule (§3), and pieces that the profile did not ask for do not
 * count: they stand in the record, not here.
 */
function counted({ evidence, kinds }: Appraisal): Appraisal['evidence'] {
  const found = evidence.filter(({ kind, status }) => status === 'contraindicated' || kinds.includes(kind))
  return found.length > 0 ? found : evidence
}

function submodule(
  { status, trustworthiness_vector, reasons, claims }: Appraisal['evidence'][number],
  { nonce, policyIds }: EarParts,
) {
  return {
    ear_status: status,
    ear_trustworthiness_vector: trustworthiness_vector,
    ...(policyIds.length > 0 ? { ear_appraisal_policy_ids: policyIds } : {}),
    // It stands in the statement, which binds every piece to it.
    ...(nonce ? { eat_nonce: nonce } : {}),
    // §3.1: what the evidence says, and what the verifier says of it.
    ...(claims ? { ear_attester_claims: claims } : {}),
    ear_verifier_claims: { reasons },
  }
}
