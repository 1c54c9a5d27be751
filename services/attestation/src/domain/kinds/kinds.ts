/** Every kind of evidence and how it is appraised. */
import type { EvidenceKind } from '@credence/contracts/attestation/kinds'
import { agentManifest } from './agent-manifest.ts'
import { containerImage } from './container-image.ts'
import type { KindAppraiser } from './kind.ts'
import { kubernetesSat } from './kubernetes-sat.ts'
import { modelSigning } from './model-signing.ts'
import { software } from './software.ts'
import { spiffeSvid } from './spiffe-svid.ts'
import { tpm2Quote } from './tpm2-quote.ts'

export type Appraisers = { [K in EvidenceKind]: KindAppraiser<K> }

export const appraisers: Appraisers = {
  software,
  'agent-manifest': agentManifest,
  'model-signing': modelSigning,
  'container-image': containerImage,
  'kubernetes-sat': kubernetesSat,
  'spiffe-svid': spiffeSvid,
  'tpm2-quote': tpm2Quote,
}
