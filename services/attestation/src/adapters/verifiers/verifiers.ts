/** Every kind of evidence that is a piece of its own, with its verifier: one line a kind. */
import type { Verifiers } from '../../api/verifier.ts'
import { tpm2Quote } from './tpm2-quote/tpm2-quote.ts'

export function createVerifiers(): Verifiers {
  return { 'tpm2-quote': tpm2Quote }
}
