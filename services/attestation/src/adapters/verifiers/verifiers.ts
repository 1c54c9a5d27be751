/** Every kind of evidence that is a piece of its own, with its verifier: one line a kind. */
import type { Verifiers } from '../../api/verifier.ts'
import { agentManifestVerifier } from './agent-manifest/agent-manifest.ts'
import { createKubernetesSat } from './kubernetes-sat/kubernetes-sat.ts'
import type { ReviewOf } from './kubernetes-sat/review.ts'
import { modelSigning } from './model-signing/model-signing.ts'
import { tpm2Quote } from './tpm2-quote/tpm2-quote.ts'

/** @param outside.reviewOf how clusters are asked (adapters/kubernetes) */
export function createVerifiers({ reviewOf }: { reviewOf: ReviewOf }): Verifiers {
  return {
    'agent-manifest': agentManifestVerifier,
    'model-signing': modelSigning,
    'kubernetes-sat': createKubernetesSat(reviewOf),
    'tpm2-quote': tpm2Quote,
  }
}
