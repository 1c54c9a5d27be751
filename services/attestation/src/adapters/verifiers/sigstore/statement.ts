/** An in-toto Statement v1 (in-toto Attestation Framework): what was signed, about which things. */
import { z } from 'zod'
import { parseJson, type Refused } from './bundle.ts'
import type { Signed } from './dsse.ts'

const PAYLOAD_TYPE = 'application/vnd.in-toto+json'
export const STATEMENT_V1 = 'https://in-toto.io/Statement/v1'
/** The same fields under an older name; cosign still writes it. */
export const STATEMENT_V0_1 = 'https://in-toto.io/Statement/v0.1'
const MAX_SUBJECTS = 64

/** Which statement it is comes first: what follows may look otherwise in another. */
const Types = z.object({ _type: z.string(), predicateType: z.string() })
/** Fields that are not known are read over (in-toto, parsing rules). */
const Statement = Types.extend({
  subject: z
    .array(
      z.object({ name: z.string().max(4096).optional(), digest: z.record(z.string().max(32), z.string().max(256)) }),
    )
    .min(1)
    .max(MAX_SUBJECTS),
  predicate: z.unknown(),
})
export type Statement = z.infer<typeof Statement>

/**
 * Reads a signed payload as the statement of a predicate type.
 * @param statementTypes which versions of in-toto are taken
 * @returns it, or `payload_type`, `statement_malformed`, `statement_type`, `predicate_type`
 */
export function readStatement(
  signed: Pick<Signed, 'payload' | 'payloadType'>,
  predicateType: string,
  statementTypes: readonly string[] = [STATEMENT_V1],
): Statement | Refused {
  if (signed.payloadType !== PAYLOAD_TYPE) return { refused: 'payload_type' }
  const json = parseJson(signed.payload)
  const types = Types.safeParse(json)
  if (!types.success) return { refused: 'statement_malformed' }
  if (!statementTypes.includes(types.data._type)) return { refused: 'statement_type' }
  if (types.data.predicateType !== predicateType) return { refused: 'predicate_type' }
  const parsed = Statement.safeParse(json)
  return parsed.success
    ? parsed.data
    : { refused: 'statement_malformed', detail: parsed.error.issues[0]?.path.join('.') }
}
