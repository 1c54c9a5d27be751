/** The arguments of a request whose route says that they are in its body: only when all of it is here and reads one way. */
import type { Asking } from './request.ts'
import type { Route } from './route.ts'

export type Arguments = { arguments: string; amount?: { currency: string; value: string } }
export type BodyFault = 'body_partial' | 'body_unreadable' | 'amount_unreadable'

/** Set by Envoy on what it tells us, never by a client alone: what a client says beside it can only make this a denial. */
const PARTIAL = 'x-envoy-auth-partial-body'

export function readArguments(asking: Asking, { amount }: Route): Arguments | { fault: BodyFault } {
  const partial = asking.header(PARTIAL)
  // Without the header nobody says that the body is whole: with_request_body is not configured for this route.
  if (partial.length !== 1 || partial[0] !== 'false') return { fault: 'body_partial' }
  const members = isJson(asking) ? objectIn(asking.body) : undefined
  if (!members) return { fault: 'body_unreadable' }
  const text = JSON.stringify(members)
  if (amount === undefined) return { arguments: text }
  const read = Object.hasOwn(members, amount) ? amountIn(members[amount]) : undefined
  return read ? { arguments: text, amount: read } : { fault: 'amount_unreadable' }
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

/** I-JSON (RFC 7493 §2.3): a name twice in one object is read by some as the first and by others as the last. */
function objectIn(body: Uint8Array): Record<string, unknown> | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject && namesIn(text) === countNames(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** Strings before a colon. Only for text that is JSON: there, these are the names of members. */
const namesIn = (text: string): number =>
  [...text.matchAll(/"(?:[^"\\]|\\.)*"([ \t\r\n]*:)?/g)].filter(([, colon]) => colon !== undefined).length

function countNames(value: unknown): number {
  let count = 0
  const waiting = [value]
  while (waiting.length > 0) {
    const next = waiting.pop()
    if (typeof next !== 'object' || next === null) continue
    if (!Array.isArray(next)) count += Object.keys(next).length
    waiting.push(...Object.values(next))
  }
  return count
}

function amountIn(value: unknown): { currency: string; value: string } | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { currency, value: amount } = value as Record<string, unknown>
  if (typeof currency !== 'string' || typeof amount !== 'string') return undefined
  return { currency, value: amount }
}
