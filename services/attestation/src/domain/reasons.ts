/** What every code in a result means: those of the whole, those that any kind can give, and those of each kind. */
import { EVIDENCE_KINDS, type EvidenceKind } from '@credence/contracts/attestation/kinds'
import { appraisers } from './kinds/kinds.ts'

/** Of the result as a whole. */
export const WHOLE: Record<string, string> = {
  no_profile: 'No profile says what agents of this blueprint have to show.',
  status_below_profile: 'The pieces together are not as good as the profile asks for.',
  sensitivity_lost:
    'By this version of the profile the result is not enough for resources for which it says that it is.',
  result_too_old: 'By this version of the profile the result would be too old: the agent has to attest again.',
}

/** Of a piece, whatever its kind. */
export const ANY_KIND: Record<string, string> = {
  missing: 'The profile asks for this kind, and no piece of it held.',
  too_old: 'The piece is older than the profile lets it be, or what was shown has ended.',
  status_below_profile: 'The piece is not as good as the profile asks for.',
  blocked: 'A digest in it was blocked: no agent may run on it.',
  kind_unknown: 'This service does not verify this kind.',
  evidence_too_large: 'The piece is larger than its kind may be.',
  not_examined: 'The statement does not hold, so nothing binds this piece to the agent and it was not looked at.',
  claims_too_large: 'What it says is more than a result can carry.',
  verification_timed_out: 'It was not verified in time.',
  verifier_failed: 'Verifying it broke the verifier.',
}

export const reasonsOf = (kind: EvidenceKind): Record<string, string> => ({ ...ANY_KIND, ...appraisers[kind].reasons })

/** All of them as they stand in results (`<kind>/<code>`, or a code of the whole), with one sentence each. */
export const allReasons = (): [code: string, sentence: string][] => [
  ...Object.entries(WHOLE),
  ...EVIDENCE_KINDS.flatMap((kind) =>
    Object.entries(reasonsOf(kind)).map(([code, sentence]): [string, string] => [`${kind}/${code}`, sentence]),
  ),
]
