/** Every kind of evidence that is a piece of its own, with its verifier: one line a kind. */
import type { Verifiers } from '../../api/verifier.ts'
import { containerImage } from './container-image/container-image.ts'
import { modelSigning } from './model-signing/model-signing.ts'
import { tpm2Quote } from './tpm2-quote/tpm2-quote.ts'

export function createVerifiers(): Verifiers {
  return { 'container-image': containerImage, 'model-signing': modelSigning, 'tpm2-quote': tpm2Quote }
}
