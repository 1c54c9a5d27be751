/** What failed, in the words that all kinds of evidence share. */
import { CredenceError } from '@credence/contracts/errors'
import type { Refused } from './outcome.ts'

/** By the reason that the SVID was refused for; what is not here was not of its form. */
const CODES: Record<string, string> = {
  x509_svid_ca: 'key_usage_wrong',
  x509_svid_key_usage: 'key_usage_wrong',
  x509_svid_expired: 'certificate_expired',
  x509_svid_not_yet_valid: 'certificate_not_yet_valid',
  x509_svid_weak: 'algorithm_weak',
  x509_svid_untrusted: 'chain_untrusted',
  jwt_svid_algorithm: 'algorithm_weak',
  jwt_svid_key_unknown: 'key_unknown',
  jwt_svid_signature: 'signature_invalid',
  jwt_svid_expired: 'evidence_expired',
  jwt_svid_not_yet_valid: 'evidence_not_yet_valid',
  jwt_svid_audience: 'other_audience',
  bundle_malformed: 'anchor_unusable',
  spiffe_id_malformed: 'spiffe_id_malformed',
  spiffe_id_without_path: 'spiffe_id_malformed',
}

/** @throws whatever is not the SVID's fault */
export function refusalOf(error: unknown): Refused {
  if (!(error instanceof CredenceError)) throw error
  return { refused: CODES[error.reason] ?? 'evidence_malformed', detail: error.reason }
}
