/** Which model it is, and how good the word for that is: its files, its provider’s signature, or a claim. */
import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import { MODEL_GRADES } from '@credence/contracts/attestation/kinds'
import type { Agent } from '@credence/contracts/principals/agent'
import {
  CONFIGURATION_PARTLY_HIDDEN,
  CONFIGURATION_UNSUPPORTABLE,
  EXECUTABLES_UNRECOGNISED,
  FILES_APPROVED,
  FILES_CONTRAINDICATED,
  type TrustVector,
} from '../ar4si.ts'
import type { About, KindAppraiser } from './kind.ts'
import { SIGNED_REASONS } from './signed.ts'

type Claims = ClaimsOf<'model-signing'>

export const modelSigning: KindAppraiser<'model-signing'> = {
  kind: 'model-signing',
  appraise: (claims, about) => {
    const reference = approvedModel(claims, about.references)
    const faults = claims.grade === 'claimed' ? nameFaults(claims, about.agent) : digestFaults(claims, about, reference)
    return {
      vector: vectorOf(claims, faults.length > 0),
      faults,
      notes: [NOTES[claims.grade], ...(claims.name === about.agent.model.name ? [] : ['name_differs'])],
      references: reference ? [reference] : [],
      digests: [claims.statement_digest, claims.root_digest].filter((digest) => digest !== undefined),
    }
  },
  unmet: (claims, { grade, signers }) => [
    ...(MODEL_GRADES.indexOf(claims.grade) <= MODEL_GRADES.indexOf(grade) ? [] : ['grade_too_low']),
    ...(signers && !(claims.signer && signers.includes(claims.signer)) ? ['signer_not_allowed'] : []),
  ],
  reasons: {
    ...SIGNED_REASONS,
    evidence_too_large: 'The evidence is larger than a model of this kind may need.',
    anchor_unknown: 'No trust anchor of this blueprint knows who signed the model.',
    statement_type: 'The signed statement is not an in-toto Statement v1.',
    predicate_type: 'The signed statement is not one of OpenSSF Model Signing v1.0.',
    subject_not_one: 'The signed statement must be about exactly one model, and name it.',
    manifest_malformed: 'The signed manifest is not well-formed.',
    hash_unsupported: 'The model was hashed with BLAKE3, which is not supported: sign it with SHA-256.',
    ignore_path_not_canonical: 'The signed manifest leaves out a path that is not spelt as it must be.',
    name_not_canonical: 'The signed manifest names a file in a way that could mean another.',
    names_not_sorted: 'The signed manifest is not sorted, or names a file twice.',
    shards_incomplete: 'The signed manifest leaves out parts of a file.',
    root_digest_wrong: 'The digest of the signed manifest is not that of its files.',
    file_named_twice: 'The evidence names a file twice.',
    file_missing: 'A signed file is missing.',
    file_changed: 'A file is not what was signed.',
    file_extra: 'The model’s folder has a file that was not signed.',
    evidence_expired: 'The provider’s statement has expired.',
    evidence_not_yet_valid: 'The provider’s statement is of the future.',
    statement_not_referenced: 'Nobody approved this model for the blueprint, or it was withdrawn.',
    model_not_as_registered: 'The agent is registered with another model.',
    composition_differs: 'The agent’s own statement names another model.',
    grade_too_low: 'The profile asks for a better word about the model.',
    self_measured: 'The files were measured by the agent’s own attester.',
    provider_asserted: 'The model is hosted: its provider’s signature is all there is.',
    model_claimed: 'The model is hosted, and nobody signed for it.',
    name_differs: 'The signer calls the model by another name than the agent’s registration.',
  },
}

const NOTES = { files: 'self_measured', provider: 'provider_asserted', claimed: 'model_claimed' } as const

/**
 * AR4SI §2.3.4. The files of a model are a directory that was evaluated: file-system 2, or 96. A hosted model has none: what
 * matters of it is not available to the verifier (configuration 36), and without anybody’s signature it is an object that
 * is not recognised (executables 33). A fault makes the claim that it concerns contraindicated.
 */
function vectorOf({ grade }: Claims, faulty: boolean): TrustVector {
  if (grade === 'files') return { 'file-system': faulty ? FILES_CONTRAINDICATED : FILES_APPROVED }
  const configuration = faulty ? CONFIGURATION_UNSUPPORTABLE : CONFIGURATION_PARTLY_HIDDEN
  return grade === 'provider' ? { configuration } : { configuration, executables: EXECUTABLES_UNRECOGNISED }
}

/** A model is what its signer said, never its name: both must be those that somebody approved. */
const approvedModel = (claims: Claims, references: About['references']): string | undefined =>
  references.find(
    ({ value }) =>
      value.type === 'model' &&
      value.statement_digest === claims.statement_digest &&
      (value.signer === undefined || value.signer === claims.signer),
  )?.reference

function digestFaults(claims: Claims, { agent, statement }: About, reference: string | undefined): string[] {
  const names = claims.grade === 'provider' ? nameFaults(claims, agent) : []
  const registered = agent.model.digest === claims.statement_digest && names.length === 0
  return [
    ...(reference ? [] : ['statement_not_referenced']),
    ...(registered ? [] : ['model_not_as_registered']),
    ...(statement.model === claims.statement_digest ? [] : ['composition_differs']),
  ]
}

const nameFaults = ({ provider, name, version }: Claims, { model }: Agent): string[] =>
  provider === model.provider && name === model.name && version === model.version ? [] : ['model_not_as_registered']
