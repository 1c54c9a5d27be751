/** What is shown for a container image: which one runs, and the signed statement of how it was built. */
import { z } from 'zod'
import { Sha256 } from '../events/values.ts'

export const PROVENANCE_PREDICATE = 'https://slsa.dev/provenance/v1'

export const ImageEvidence = z.strictObject({
  /** SHA-256 of the image’s manifest, as registries and runtimes name it. */
  image_digest: Sha256,
  /** A Sigstore bundle over an in-toto statement of `PROVENANCE_PREDICATE`. */
  bundle: z.looseObject({}),
})
export type ImageEvidence = z.infer<typeof ImageEvidence>
