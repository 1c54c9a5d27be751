/** Every kind of evidence that is a piece of its own, with its verifier: one line a kind. */
import type { Verifiers } from '../../api/verifier.ts'
import { agentManifestVerifier } from './agent-manifest/agent-manifest.ts'
import { createKubernetesSat } from './kubernetes-sat/kubernetes-sat.ts'
import type { ReviewOf } from './kubernetes-sat/review.ts'
import { modelSigning } from './model-signing/model-signing.ts'
import { type BundleOf, createSpiffeSvidVerifier } from './spiffe-svid/spiffe-svid.ts'
import { tpm2Quote } from './tpm2-quote/tpm2-quote.ts'

/** @param parts.reviewOf how clusters are asked (adapters/kubernetes) @param parts.bundleOf the keys of another trust domain */
export function createVerifiers(parts: { reviewOf: ReviewOf; bundleOf: BundleOf }): Verifiers {
  return {
    'agent-manifest': agentManifestVerifier,
    'model-signing': modelSigning,
    'kubernetes-sat': createKubernetesSat(parts.reviewOf),
    'spiffe-svid': createSpiffeSvidVerifier(parts.bundleOf),
    'tpm2-quote': tpm2Quote,
  }
}
