/** Kinds of evidence, each with a verifier of its own (services/attestation/src/adapters/verifiers). */
import { z } from 'zod'

export const EVIDENCE_KINDS = [
  'software',
  'agent-manifest',
  'model-signing',
  'container-image',
  'kubernetes-sat',
  'spiffe-svid',
  'tpm2-quote',
] as const

export const EvidenceKind = z.enum(EVIDENCE_KINDS, { error: `must be one of ${EVIDENCE_KINDS.join(', ')}` })
export type EvidenceKind = z.infer<typeof EvidenceKind>

/** How good the word about a model is, best first: its files were checked, its provider signed it, somebody says so. */
export const MODEL_GRADES = ['files', 'provider', 'claimed'] as const
export const ModelGrade = z.enum(MODEL_GRADES, { error: `must be one of ${MODEL_GRADES.join(', ')}` })
export type ModelGrade = z.infer<typeof ModelGrade>

/** Banks of a TPM whose digests are strong enough. */
export const PcrBank = z.enum(['sha256', 'sha384'], { error: 'must be sha256 or sha384' })
export type PcrBank = z.infer<typeof PcrBank>

export const PcrIndex = z.int().min(0, 'must be from 0 to 23').max(23, 'must be from 0 to 23')
/** PCR values by index, lower-case hexadecimal. */
export const PcrValues = z.record(
  z.string().regex(/^([0-9]|1[0-9]|2[0-3])$/, 'must be a PCR index from 0 to 23'),
  z.string().regex(/^([0-9a-f]{64}|[0-9a-f]{96})$/, 'must be a digest in lower-case hexadecimal'),
)
export type PcrValues = z.infer<typeof PcrValues>
