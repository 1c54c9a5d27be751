/** What to do about a reason for which evidence was refused. */

/** Codes of any kind, and what helps. What only says how good evidence is needs no advice. */
export const ADVICE: [codes: string, advice: string][] = [
  ['no_profile', 'the blueprint has no active profile: credence profile define, then activate'],
  [
    'missing',
    'the profile asks for this evidence: name it under "evidence" in the configuration of credence attest-agent',
  ],
  [
    'program_unknown prompt_unknown tool_manifest_unknown model_unknown composition_not_approved',
    'nobody approved this: put the approved file back, or have it approved: credence reference approve composition',
  ],
  [
    'prompt_not_as_registered tool_manifest_not_as_registered model_not_as_registered',
    'the agent was registered with another one: register a new agent for this version',
  ],
  [
    'program_changed prompt_changed tools_changed model_changed file_changed file_missing file_extra composition_differs model_not_as_signed',
    'it is not what was signed: put the signed files back, or sign the new ones',
  ],
  ['statement_not_referenced', 'nobody approved this model: credence reference approve model'],
  ['image_not_referenced', 'nobody approved this image: credence reference approve image'],
  [
    'anchor_unknown chain_untrusted signer_identity_unknown key_unknown',
    'whoever vouches for it is not trusted: credence anchor list, credence anchor approve',
  ],
  [
    'signer_not_allowed builder_not_allowed source_not_allowed service_account_not_allowed workload_not_allowed',
    'the profile names others: credence profile show',
  ],
  [
    'grade_too_low status_below_profile review_required not_key_bound endorsement_key_not_certified',
    'the profile asks for better evidence: credence profile show',
  ],
  ['blocked', 'security blocked a part of it: credence measurement list'],
  ['tpm_not_enrolled', 'enrol this TPM for this agent: credence tpm enrol'],
  ['pcr_selection_wrong', 'quote exactly the PCRs that the profile names: credence profile show'],
  ['pcrs_not_approved', 'the machine started something that nobody approved: credence reference list'],
  [
    'reset_count_went_back restart_count_went_back clock_went_back tpm_changed',
    'this is not the machine that it was: an operator has to look at it',
  ],
  [
    'evidence_expired evidence_not_yet_valid too_old nonce_mismatch',
    'renew what expired; is the clock of this machine right?',
  ],
  ['certificate_expired certificate_not_yet_valid', 'renew the certificate of the signer'],
  [
    'review_unavailable verifier_failed verification_timed_out',
    'the service could not check it now; it is tried again',
  ],
  ['token_legacy pod_binding_missing token_lives_too_long', 'mount a projected token: examples/kubernetes/agent.yaml'],
]

const BY_CODE = new Map(ADVICE.flatMap(([codes, advice]) => codes.split(' ').map((code) => [code, advice] as const)))

/** @param reason `<kind>/<code>`, or a code of the whole @returns undefined when there is no more to say */
export const adviceOn = (reason: string): string | undefined => BY_CODE.get(reason.slice(reason.indexOf('/') + 1))
