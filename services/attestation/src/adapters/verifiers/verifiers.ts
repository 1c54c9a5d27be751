/** Every kind of evidence that is a piece of its own, with its verifier: one line a kind. */
import type { PieceKind, Verifiers } from '../../api/verifier.ts'
import { agentManifestVerifier } from './agent-manifest/agent-manifest.ts'
import { containerImageVerifier } from './container-image/container-image.ts'
import { createKubernetesSat } from './kubernetes-sat/kubernetes-sat.ts'
import type { ReviewOf } from './kubernetes-sat/review.ts'
import { modelSigningVerifier } from './model-signing/model-signing.ts'
import { spiffeSvidVerifier } from './spiffe-svid/spiffe-svid.ts'
import { tpm2QuoteVerifier } from './tpm2-quote/tpm2-quote.ts'

/** Those that need the evidence only: they run in workers (pool.ts). */
export const alone = {
  'agent-manifest': agentManifestVerifier,
  'model-signing': modelSigningVerifier,
  'container-image': containerImageVerifier,
  'spiffe-svid': spiffeSvidVerifier,
  'tpm2-quote': tpm2QuoteVerifier(),
} as const satisfies Verifiers

/** Those that ask others: they run where the connections are. */
export const ON_MAIN_THREAD: ReadonlySet<PieceKind> = new Set(['kubernetes-sat'])

/** @param outside.reviewOf how clusters are asked (adapters/kubernetes) */
export const createVerifiers = (outside: { reviewOf: ReviewOf }): Verifiers => ({
  ...alone,
  'kubernetes-sat': createKubernetesSat(outside.reviewOf),
})
