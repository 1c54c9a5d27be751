/** The parameter `authorization_details` (RFC 9396 §2), read strictly: what two parsers could read differently is refused. */
import { type AuthorizationDetail, AuthorizationDetails } from '@credence/contracts/authority'
import { refuse } from './oauth-error.ts'

/** A token that carries this much still fits into a header. */
const MAX_BYTES = 16 * 1024

/** @throws Refused `invalid_authorization_details` */
export function readAuthorizationDetails(text: string): AuthorizationDetail[] {
  if (Buffer.byteLength(text) > MAX_BYTES)
    throw malformed('too_large', `must be at most ${MAX_BYTES} bytes: ask for less at once`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw malformed('malformed', 'must be JSON')
  }
  const fault = faultIn(text)
  if (fault) throw malformed(fault, FAULTS[fault])
  const details = AuthorizationDetails.safeParse(value)
  if (details.success) return details.data
  const [issue] = details.error.issues
  const where = issue?.path.join('.') || 'it'
  throw malformed('malformed', `must be a non-empty array of agent_permission objects (${where}: ${issue?.message})`)
}

const malformed = (reason: string, rule: string) =>
  refuse('invalid_authorization_details', reason, `authorization_details: ${rule}`)

type Fault = 'duplicate_member' | 'unsafe_number'
const FAULTS: Record<Fault, string> = {
  duplicate_member: 'a member stands twice in one object',
  unsafe_number: 'numbers must be whole, written plainly, with at most 15 digits',
}

const TOKENS = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]|-?\d[\d.eE+-]*/g

/**
 * What `JSON.parse` passes over in silence: of two members with one name it keeps the last (RFC 8259 §4), and a number
 * becomes the nearest one that it can hold (§6). Only for text that it has accepted.
 */
export function faultIn(text: string): Fault | undefined {
  const open: Set<string>[] = []
  for (const [token, colon] of text.matchAll(TOKENS)) {
    if (token === '{' || token === '[') open.push(new Set())
    else if (token === '}' || token === ']') open.pop()
    else if (colon !== undefined) {
      const name: string = JSON.parse(token.slice(0, -colon.length))
      if (open.at(-1)?.has(name)) return 'duplicate_member'
      open.at(-1)?.add(name)
    } else if (!token.startsWith('"') && !/^-?\d{1,15}$/.test(token)) return 'unsafe_number'
  }
  return undefined
}
