/** Every kind of evidence that is a piece of its own, with its verifier: one line a kind. */
import type { Verifiers } from '../../api/verifier.ts'
import { agentManifestVerifier } from './agent-manifest/agent-manifest.ts'
import { createKubernetesSat } from './kubernetes-sat/kubernetes-sat.ts'
import type { ReviewOf } from './kubernetes-sat/review.ts'
import { modelSigning } from './model-signing/model-signing.ts'
import { type BundleOf, createSpiffeSvidVerifier } from './spiffe-svid/spiffe-svid.ts'
import { tpm2Quote } from './tpm2-quote/tpm2-quote.ts'

/** @param outside.reviewOf how clusters are asked @param outside.bundleOf the keys of another trust domain */
export function createVerifiers(outside: { reviewOf: ReviewOf; bundleOf: BundleOf }): Verifiers {
  return {
    'agent-manifest': agentManifestVerifier,
    'model-signing': modelSigning,
    'kubernetes-sat': createKubernetesSat(outside.reviewOf),
    'spiffe-svid': createSpiffeSvidVerifier(outside.bundleOf),
    'tpm2-quote': tpm2Quote,
  }
}
