/** An in-toto Statement v1 (in-toto Attestation Framework): what was signed, about which things. */
import { z } from 'zod'
import { parseJson, type Refused } from './bundle.ts'
import type { Signed } from './dsse.ts'

const PAYLOAD_TYPE = 'application/vnd.in-toto+json'
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1'
const MAX_SUBJECTS = 64

/** Fields that are not known are read over (in-toto, parsing rules). */
const Statement = z.object({
  _type: z.string(),
  subject: z
    .array(
      z.object({ name: z.string().max(4096).optional(), digest: z.record(z.string().max(32), z.string().max(256)) }),
    )
    .min(1)
    .max(MAX_SUBJECTS),
  predicateType: z.string().max(512),
  predicate: z.unknown(),
})
export type Statement = z.infer<typeof Statement>

/**
 * Reads a signed payload as the statement of a predicate type.
 * @returns it, or `payload_type`, `statement_malformed`, `statement_type`, `predicate_type`
 */
export function readStatement(
  signed: Pick<Signed, 'payload' | 'payloadType'>,
  predicateType: string,
): Statement | Refused {
  if (signed.payloadType !== PAYLOAD_TYPE) return { refused: 'payload_type' }
  const parsed = Statement.safeParse(parseJson(signed.payload))
  if (!parsed.success) return { refused: 'statement_malformed', detail: parsed.error.issues[0]?.path.join('.') }
  if (parsed.data._type !== STATEMENT_TYPE) return { refused: 'statement_type' }
  if (parsed.data.predicateType !== predicateType) return { refused: 'predicate_type' }
  return parsed.data
}
