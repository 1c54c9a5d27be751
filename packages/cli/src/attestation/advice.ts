/** What to do about a reason for which evidence was refused. */

/** Codes alone, whatever kind they are of; the first that fits counts. */
const ADVICE: [code: RegExp, advice: string][] = [
  [/^no_profile$/, 'the blueprint has no active profile: credence profile define, then activate'],
  [
    /^missing$/,
    'the profile asks for this evidence: name it under "evidence" in the configuration of credence attest-agent',
  ],
  [
    /^(program|prompt|tool_manifest|model)_unknown$|^composition_not_approved$/,
    'nobody approved this: put the approved file back, or have it approved: credence reference approve composition',
  ],
  [/_not_as_registered$/, 'the agent was registered with another one: register a new agent for this version'],
  [
    /^(program|prompt|tools|model)_changed$|^file_(changed|missing|extra)$|^composition_differs$|^model_not_as_signed$/,
    'it is not what was signed: put the signed files back, or sign the new ones',
  ],
  [/^statement_not_referenced$/, 'nobody approved this model: credence reference approve model'],
  [
    /^(anchor_unknown|chain_untrusted|signer_identity_unknown)$/,
    'whoever signed is not trusted: credence anchor approve',
  ],
  [/^signer_not_allowed$/, 'the profile names other signers: credence profile show'],
  [/^blocked$/, 'security blocked a part of it: credence measurement list'],
  [/^(tpm_unknown|not_enrolled|tpm_not_enrolled|ak_unknown)$/, 'this TPM is not enrolled for this agent'],
  [/^(pcrs?_)/, 'the machine started something else than was approved: credence reference list'],
  [
    /^(nonce_mismatch|binding_invalid|evidence_expired|too_old|evidence_not_yet_valid)$/,
    'is the clock of this machine right?',
  ],
  [/^grade_too_low$|^status_below_profile$/, 'the profile asks for better evidence: credence profile show'],
  [
    /^(review_unavailable|verifier_failed|verification_timed_out)$/,
    'the service could not check it now; it is tried again',
  ],
  [/^(certificate_expired|certificate_not_yet_valid)$/, 'renew the certificate of the signer'],
]

/** @param reason `<kind>/<code>`, or a code of the whole @returns undefined when there is no more to say */
export function adviceOn(reason: string): string | undefined {
  const code = reason.slice(reason.indexOf('/') + 1)
  return ADVICE.find(([pattern]) => pattern.test(code))?.[1]
}
