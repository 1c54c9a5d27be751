/** What can be wrong with a signed statement, whatever it states (adapters/verifiers/sigstore), and with who signed it. */
export const SIGNED_REASONS = {
  evidence_malformed: 'The evidence is not of a form that this kind has.',
  bundle_media_type: 'The signature is not a Sigstore bundle of version 0.3.',
  signature_invalid: 'The signature does not belong to what it stands over.',
  algorithm_weak: 'A key or a signature is made with an algorithm that is too weak.',
  chain_untrusted: 'The signer’s certificate does not lead to an authority that is trusted here.',
  certificate_expired: 'The signer’s certificate, or one above it, has expired.',
  certificate_not_yet_valid: 'The signer’s certificate, or one above it, is not valid yet.',
  key_usage_wrong: 'The signer’s certificate is not for signing.',
  signer_identity_unknown: 'The signer’s certificate has another name than the trust anchor pins.',
  log_entry_missing: 'The signature is in no transparency log, and its trust anchor asks for one.',
  log_entry_invalid: 'The entry of the transparency log is not of this signature, or not of that log.',
  signing_time_unproven: 'Nothing proves when the signature was made.',
  payload_type: 'What was signed is not an in-toto statement.',
  statement_malformed: 'The signed statement is not well-formed.',
  signer_not_allowed: 'The profile asks for another signer.',
  blocked: 'What was signed, or a part of it, was blocked.',
}
