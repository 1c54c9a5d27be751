/** The arguments of a request whose route says that they are in its body: only when all of it is here and reads one way. */
import { Amount } from '@credence/contracts/limits'
import { type JsonObject, readJson } from '../http/exact-json.ts'
import type { Asking } from './request.ts'
import type { Route } from './route.ts'

/** As long as arguments may be on every way in. */
const MAX_BYTES = 16_384

export type Arguments = { arguments: string; amount?: { currency: string; value: string } }
export type BodyFault = 'body_partial' | 'body_unreadable' | 'amount_unreadable'

/** Set by Envoy on what it tells us, never by a client alone: what a client says beside it can only make this a denial. */
const PARTIAL = 'x-envoy-auth-partial-body'

export function readArguments(asking: Asking, { amount }: Route): Arguments | { fault: BodyFault } {
  const partial = asking.header(PARTIAL)
  // Without the header nobody says that the body is whole: with_request_body is not configured for this route.
  if (partial.length !== 1 || partial[0] !== 'false') return { fault: 'body_partial' }
  const read = isJson(asking) ? objectIn(asking.body) : undefined
  if (!read) return { fault: 'body_unreadable' }
  if (amount === undefined) return { arguments: read.text }
  const moved = Amount.safeParse(Object.hasOwn(read.members, amount) ? read.members[amount] : undefined)
  return moved.success ? { arguments: read.text, amount: moved.data } : { fault: 'amount_unreadable' }
}

/** One content type, and no coding that would have to be undone first (RFC 9110 §8.4). */
function isJson({ header }: Asking): boolean {
  const [type = '', another] = header('content-type')
  return (
    another === undefined &&
    /^application\/json *(; *charset=utf-8)?$/i.test(type) &&
    header('content-encoding').length === 0
  )
}

function objectIn(body: Uint8Array): { members: JsonObject; text: string } | undefined {
  if (body.length > MAX_BYTES) return undefined
  try {
    const bytes = Buffer.from(body)
    return { members: readJson(bytes).body, text: bytes.toString('utf8') }
  } catch {
    return undefined
  }
}

/** One JSON object. */
export const isJsonText = (text: string): boolean => objectIn(Buffer.from(text)) !== undefined
