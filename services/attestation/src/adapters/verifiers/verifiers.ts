/** Every kind of evidence that is a piece of its own, with its verifier: one line a kind. */
import type { PieceKind, Verifiers } from '../../api/verifier.ts'
import { agentManifestVerifier } from './agent-manifest/agent-manifest.ts'
import { createKubernetesSat } from './kubernetes-sat/kubernetes-sat.ts'
import type { ReviewOf } from './kubernetes-sat/review.ts'
import { modelSigning } from './model-signing/model-signing.ts'
import { type BundleOf, createSpiffeSvidVerifier } from './spiffe-svid/spiffe-svid.ts'
import { tpm2Quote } from './tpm2-quote/tpm2-quote.ts'

/** Those that need the evidence only: they run in workers (pool.ts). */
export const alone = {
  'agent-manifest': agentManifestVerifier,
  'model-signing': modelSigning,
  'tpm2-quote': tpm2Quote,
} as const satisfies Verifiers

/** Those that ask others, or hold what others told: they run where the connections are. */
export const ON_MAIN_THREAD: ReadonlySet<PieceKind> = new Set(['kubernetes-sat', 'spiffe-svid'])

/** @param outside.reviewOf how clusters are asked @param outside.bundleOf the keys of another trust domain */
export const createVerifiers = (outside: { reviewOf: ReviewOf; bundleOf: BundleOf }): Verifiers => ({
  ...alone,
  'kubernetes-sat': createKubernetesSat(outside.reviewOf),
  'spiffe-svid': createSpiffeSvidVerifier(outside.bundleOf),
})
