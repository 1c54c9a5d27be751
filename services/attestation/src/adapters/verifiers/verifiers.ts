/** Every kind of evidence that is a piece of its own, with its verifier: one line a kind. */
import type { Verifiers } from '../../api/verifier.ts'
import { agentManifestVerifier } from './agent-manifest/agent-manifest.ts'
import { tpm2Quote } from './tpm2-quote/tpm2-quote.ts'

export function createVerifiers(): Verifiers {
  return {
    'agent-manifest': agentManifestVerifier,
    'tpm2-quote': tpm2Quote,
  }
}
