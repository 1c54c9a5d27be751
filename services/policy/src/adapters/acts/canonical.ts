/** One form for one act: RFC 8785 over what JSON can say in one way only. */
import { invalid } from '@credence/contracts/errors'
import canonicalize from 'canonicalize'
import type { Act } from '../../api/acts.ts'

/** The RFC 8785 form of an act. @throws CredenceError `invalid_argument` naming `arguments` */
export function canonicalAct({ agent, grant, action, resource, audience, amount, arguments: text }: Act): string {
  const { type, id } = resource
  const act = { agent, grant, action, resource: { type, id }, audience, amount, arguments: readArguments(text) }
  try {
    return canonicalize(act) ?? ''
  } catch {
    // Lone surrogates: two of them would become one in UTF-8 (RFC 8785 §3.2.2.2).
    throw invalid('arguments', 'must be well-formed Unicode')
  }
}

/**
 * Reads arguments strictly (I-JSON, RFC 7493 §2): a name that stands twice, or a number that a double cannot hold, would be
 * one thing to the person who approves and another to the resource.
 * @returns undefined when there are none
 */
function readArguments(text: string | undefined): object | undefined {
  if (text === undefined || text === '') return undefined
  // The reviver is given each member of each object once, and last the whole as the member of an object of its own.
  let members = -1
  const reviver: Reviver = function (_name, value, { source = '' }) {
    if (!Array.isArray(this)) members += 1
    if (typeof value === 'number' && !isExact(value, source))
      throw invalid('arguments', 'must hold only numbers that a double can hold exactly; send others as text')
    return value
  }
  const parsed = parse(text, reviver)
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw invalid('arguments', 'must be a JSON object')
  if (members !== namesIn(text)) throw invalid('arguments', 'must not hold the same name twice in one object')
  return parsed
}

type Reviver = (this: unknown, name: string, value: unknown, at: { source?: string }) => unknown

function parse(text: string, reviver: Reviver): unknown {
  try {
    return JSON.parse(text, reviver as Parameters<typeof JSON.parse>[1])
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) throw invalid('arguments', 'must be a JSON object')
    throw error
  }
}

/** Names of members in a text that is known to be JSON: quotes stand around strings only, and a colon follows a name. */
function namesIn(text: string): number {
  let count = 0
  for (const [, colon] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g)) if (colon) count += 1
  return count
}

/** As a double is written, or a whole number that is safe, or at most 15 significant digits (IEEE 754: these survive). */
function isExact(value: number, source: string): boolean {
  if (!Number.isFinite(value)) return false
  if (JSON.stringify(value) === source) return true
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value)
  const digits = (source.split(/e/i)[0] ?? '').replace(/[-.]/g, '').replace(/^0+/, '')
  return digits.length <= 15 && (value !== 0 || digits === '')
}
