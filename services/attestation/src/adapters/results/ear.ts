/** Attestation results as EAR (draft-ietf-rats-ear-04), signed JWTs bound to the agent’s key. */
import type { SigningKey } from '@credence/shared/keys'
import { SignJWT } from 'jose'
import type { IssueEar } from '../../api/context.ts'

const PROFILE = 'tag:ietf.org,2026:rats/ear#04'
const STRENGTH =
  'software: the weakest kind. The agent measured itself and signed with a key in software; nothing outside it vouches for the measurements.'

export const createIssueEar =
  (key: SigningKey, issuer: string, build: string): IssueEar =>
  ({ appraisal, spiffeId, keyThumbprint, nonce, policyIds, now, expiresAt }) =>
    new SignJWT({
      eat_profile: PROFILE,
      ear_verifier_id: { developer: 'credence', build },
      submods: {
        agent: {
          ear_status: appraisal.status,
          ear_trustworthiness_vector: appraisal.vector,
          ...(policyIds.length > 0 ? { ear_appraisal_policy_ids: policyIds } : {}),
          eat_nonce: nonce,
          ear_verifier_claims: { kind: 'software', strength: STRENGTH, reasons: appraisal.reasons },
        },
      },
      cnf: { jkt: keyThumbprint },
    })
      .setProtectedHeader({ alg: key.algorithm, typ: 'eat+jwt', kid: key.keyId })
      .setIssuer(issuer)
      .setSubject(spiffeId)
      .setIssuedAt(now)
      .setExpirationTime(expiresAt)
      .sign(key.privateKey)
