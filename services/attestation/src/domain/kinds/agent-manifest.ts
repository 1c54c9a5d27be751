/** What the builder of an agent signed, against what was measured, what was registered and what was approved. */
import { shadowedNames } from '@credence/contracts/attestation/tools'
import type { Composition } from '@credence/contracts/events/values'
import {
  CONFIGURATION_APPROVED,
  CONFIGURATION_UNSUPPORTABLE,
  EXECUTABLES_APPROVED,
  EXECUTABLES_CONTRAINDICATED,
  FILES_APPROVED,
  FILES_CONTRAINDICATED,
  type TrustVector,
} from '../ar4si.ts'
import type { About, KindAppraiser } from './kind.ts'
import { approvedComposition, registeredOtherwise } from './software.ts'

/** What it is called when what runs is not what was signed. */
const CHANGED: Record<keyof Composition, string> = {
  program: 'program_changed',
  prompt: 'prompt_changed',
  tool_manifest: 'tools_changed',
  model: 'model_changed',
}
const PARTS = Object.keys(CHANGED) as (keyof Composition)[]

export const agentManifest: KindAppraiser<'agent-manifest'> = {
  kind: 'agent-manifest',
  appraise: (claims, about) => {
    const { composition, manifest_digest, tools } = claims
    const changed = PARTS.filter((part) => composition[part] !== about.statement[part])
    const otherwise = registeredOtherwise(composition, about.agent)
    const signedModel = about.claims['model-signing']?.statement_digest
    const otherModel = signedModel !== undefined && signedModel !== composition.model
    const approved = approvedComposition(composition, about.references)
    const bad = new Set<keyof Composition>([...changed, ...otherwise, ...(otherModel ? ['model' as const] : [])])
    return {
      vector: vectorOf(bad, approved !== undefined, about),
      faults: [
        ...changed.map((part) => CHANGED[part]),
        ...otherwise.map((part) => `${part}_not_as_registered`),
        ...(otherModel ? ['model_not_as_signed'] : []),
        ...(approved ? [] : ['composition_not_approved']),
      ],
      notes: ['self_measured', ...(shadowedNames(tools).length > 0 ? ['tool_name_shadowed'] : [])],
      references: approved ? [approved] : [],
      digests: [manifest_digest, ...PARTS.map((part) => composition[part]), ...tools.map(({ digest }) => digest)],
    }
  },
  unmet: ({ signer }, { signers }) => (signers && !signers.includes(signer) ? ['signer_not_allowed'] : []),
  reasons: {
    evidence_malformed: 'The evidence is not a Sigstore bundle with one DSSE envelope and one signature.',
    evidence_too_large: 'The evidence is larger than an agent manifest may be.',
    bundle_media_type: 'The evidence is not a Sigstore bundle of version 0.3.',
    payload_type: 'What was signed is not an in-toto statement.',
    statement_malformed: 'The statement lacks something, has something that nobody compares, or has a name twice.',
    statement_type: 'What was signed is not an in-toto Statement v1.',
    predicate_type: 'What was signed is not an agent manifest.',
    subjects_not_one: 'The statement is about no program, or about several.',
    tool_twice: 'The manifest names one tool of one server twice.',
    tools_too_many: 'The manifest names more tools than a result can carry.',
    other_blueprint: 'The manifest was made for another blueprint.',
    anchor_unknown: 'No trust anchor that lives and counts for this blueprint knows the signer.',
    signature_invalid: 'The signature does not hold.',
    algorithm_weak: 'The key or a certificate of the signer is too weak.',
    chain_untrusted: 'The certificate of the signer leads to no authority that is trusted.',
    certificate_expired: 'The certificate of the signer has expired.',
    certificate_not_yet_valid: 'The certificate of the signer is not valid yet.',
    key_usage_wrong: 'The certificate of the signer is not for signing code.',
    signer_identity_unknown: 'The certificate names somebody else than those who may sign.',
    log_entry_missing: 'The transparency log has not seen the signature.',
    log_entry_invalid: 'What is shown of the transparency log does not hold.',
    signing_time_unproven: 'Nothing proves when it was signed.',
    program_changed: 'The program that was measured is not the one that the builder signed.',
    prompt_changed: 'The prompt that was measured is not the one that the builder signed.',
    tools_changed: 'The tools that were measured are not those that the builder signed.',
    model_changed: 'The model that was measured is not the one that the builder signed.',
    prompt_not_as_registered: 'The prompt is not the one that the agent was registered with.',
    tool_manifest_not_as_registered: 'The tools are not those that the agent was registered with.',
    model_not_as_registered: 'The model is not the one that the agent was registered with.',
    model_not_as_signed: 'The model is not the one whose signature was shown.',
    composition_not_approved: 'Nobody approved this program, prompt, tools and model together.',
    blocked: 'A part, a tool or the manifest itself was blocked.',
    signer_not_allowed: 'The profile names other signers.',
    self_measured: 'The agent measured itself: the builder vouches for the parts, not for what runs.',
    tool_name_shadowed: 'Two servers offer a tool of the same name.',
  },
}

/**
 * Values that the measuring attester supports: approved, as far as what it measured is what runs. A hosted model has no
 * files here, so nothing is said of them.
 */
function vectorOf(bad: ReadonlySet<keyof Composition>, approved: boolean, { claims }: About): TrustVector {
  const grade = claims['model-signing']?.grade
  const hosted = grade !== undefined && grade !== 'files'
  const holds = (...parts: (keyof Composition)[]) => approved && !parts.some((part) => bad.has(part))
  return {
    configuration: holds('prompt', 'tool_manifest') ? CONFIGURATION_APPROVED : CONFIGURATION_UNSUPPORTABLE,
    executables: holds('program') ? EXECUTABLES_APPROVED : EXECUTABLES_CONTRAINDICATED,
    ...(holds('model') && hosted ? {} : { 'file-system': holds('model') ? FILES_APPROVED : FILES_CONTRAINDICATED }),
  }
}
