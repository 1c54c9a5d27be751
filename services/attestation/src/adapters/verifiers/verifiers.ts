/** Every kind of evidence that is a piece of its own, with its verifier: one line a kind. */
import type { Verifiers } from '../../api/verifier.ts'
import { type BundleOf, createSpiffeSvidVerifier } from './spiffe-svid/spiffe-svid.ts'
import { tpm2Quote } from './tpm2-quote/tpm2-quote.ts'

/** @param parts.bundleOf the keys of another trust domain */
export function createVerifiers(parts: { bundleOf: BundleOf }): Verifiers {
  return { 'spiffe-svid': createSpiffeSvidVerifier(parts.bundleOf), 'tpm2-quote': tpm2Quote }
}
