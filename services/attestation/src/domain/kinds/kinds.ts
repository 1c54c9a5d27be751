/** Every kind of evidence and how it is appraised. */
import type { EvidenceKind } from '@credence/contracts/attestation/kinds'
import { agentManifest } from './agent-manifest.ts'
import type { KindAppraiser } from './kind.ts'
import { software } from './software.ts'
import { tpm2Quote } from './tpm2-quote.ts'

export type Appraisers = { [K in EvidenceKind]: KindAppraiser<K> }

// The other kinds land here one by one.
export const appraisers = {
  software,
  'agent-manifest': agentManifest,
  'tpm2-quote': tpm2Quote,
} as unknown as Appraisers
