/** The form of a piece of evidence of the kind `spiffe-svid`. */
import { z } from 'zod'

const MAX_CERTIFICATES = 5
const Certificate = z.base64().min(1).max(8_192)

export const Content = z.discriminatedUnion('form', [
  z.strictObject({
    form: z.literal('x509'),
    /** DER in base64, the SVID first. */
    chain: z.array(Certificate).min(1).max(MAX_CERTIFICATES),
    /** Of the SVID's key over the binding (packages/shared/src/spiffe/svid-proof.ts), base64url. */
    proof: z.base64url().min(1).max(1_024),
  }),
  z.strictObject({
    form: z.literal('jwt'),
    /** Compact JWS. */
    token: z.string().min(1).max(16_384),
  }),
])
export type Content = z.infer<typeof Content>

/** @returns undefined when it is nothing of this form */
export function parseContent(bytes: Uint8Array): Content | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return Content.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
