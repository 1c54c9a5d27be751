/** The piece of evidence itself: what a TPM signed, its signature, the registers it is a digest of, and the firmware’s log. */
import { z } from 'zod'
import { malformed } from '../../tpm/reader.ts'

export type QuoteContent = {
  /** TPMS_ATTEST. */
  attest: Uint8Array
  /** TPMT_SIGNATURE. */
  signature: Uint8Array
  /** By index, lower-case hexadecimal. */
  pcrs: Record<string, string>
  eventLog?: Uint8Array
}

export const MOST_CONTENT = 1_048_576
const MOST_ATTEST = 4_096
const MOST_EVENT_LOG = 900_000

const bytes = (most: number) =>
  z
    .base64url()
    .max(most)
    .transform((text) => new Uint8Array(Buffer.from(text, 'base64url')))

const Content = z.strictObject({
  attest: bytes(MOST_ATTEST),
  signature: bytes(MOST_ATTEST),
  pcrs: z
    .record(z.string().regex(/^([0-9]|1[0-9]|2[0-3])$/), z.string().regex(/^([0-9a-f]{64}|[0-9a-f]{96})$/))
    .refine((pcrs) => Object.keys(pcrs).length <= 24),
  event_log: bytes(MOST_EVENT_LOG).optional(),
})

/** Parses the JSON object of a quote (UTF-8). @throws TpmFault `evidence_malformed` */
export function parseQuoteContent(content: Uint8Array): QuoteContent {
  let parsed: ReturnType<typeof Content.safeParse>
  try {
    parsed = Content.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content)))
  } catch {
    throw malformed('quote', 'it is no JSON')
  }
  if (!parsed.success)
    throw malformed('quote', 'it has not exactly attest, signature, pcrs and, where there is one, event_log')
  const { attest, signature, pcrs, event_log: eventLog } = parsed.data
  return { attest, signature, pcrs, ...(eventLog ? { eventLog } : {}) }
}
