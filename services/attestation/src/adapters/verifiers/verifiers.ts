/** Every kind of evidence that is a piece of its own, with its verifier: one line a kind. */
import type { PieceKind, Verifiers } from '../../api/verifier.ts'
import { agentManifestVerifier } from './agent-manifest/agent-manifest.ts'
import { containerImageVerifier } from './container-image/container-image.ts'
import { modelSigningVerifier } from './model-signing/model-signing.ts'
import { tpm2QuoteVerifier } from './tpm2-quote/tpm2-quote.ts'

/** What a verifier that asks others needs; workers have none of it. */
export type Parts = Record<string, never>

export function createVerifiers(_: Parts): Verifiers {
  return {
    'agent-manifest': agentManifestVerifier,
    'model-signing': modelSigningVerifier,
    'container-image': containerImageVerifier,
    'tpm2-quote': tpm2QuoteVerifier(),
  }
}

/** Those that ask others over the network run where its connections are; all others in workers (pool.ts). */
export const ON_MAIN_THREAD: ReadonlySet<PieceKind> = new Set(['kubernetes-sat'])
