/**
 * JSON as an enforcement point must not be able to read it differently (RFC 8259, I-JSON: RFC 7493): UTF-8, every name once
 * in its object, no half surrogates, bounded depth. `JSON.parse` reads the values; one look over its text finds what it
 * passes over in silence, and cuts out the parts that policies read as they stand: numbers in there stay exact.
 */
import { isAscii, isUtf8 } from 'node:buffer'
import { CredenceError } from '@credence/contracts/errors'

export const MAX_DEPTH = 32

export type JsonObject = Record<string, unknown>

/** The entities whose parts are cut out, with the name of that part. */
const CUT: Record<string, string> = { resource: 'properties', action: 'properties', context: 'arguments' }

/** One part: `entry` is its place among `evaluations`, or -1 for the request itself. */
type Part = { entry: number; entity: string; start: number; end: number }

export type Read = {
  body: JsonObject
  /** The text of `resource.properties`, `action.properties` or `context.arguments`; undefined when it is no object. */
  textOf(entry: number, entity: 'resource' | 'action' | 'context'): string | undefined
}

const malformed = (why: string) => new CredenceError('invalid_argument', 'malformed', `The body ${why}.`)

/** @throws CredenceError `invalid_argument` in one sentence */
export function readJson(bytes: Buffer): Read {
  const text = textIn(bytes)
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw malformed(bytes.length === 0 ? 'is empty; send a JSON object' : 'is not JSON')
  }
  if (!isObject(body)) throw malformed('must be a JSON object')
  const parts = look(text)
  if (text.includes('\\u') && !isWellFormed(body)) throw malformed('holds half of a surrogate pair')
  return {
    body,
    textOf: (entry, entity) => {
      for (const part of parts)
        if (part.entry === entry && part.entity === entity) return text.slice(part.start, part.end)
      return undefined
    },
  }
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function textIn(bytes: Buffer): string {
  if (isAscii(bytes)) return bytes.toString('latin1')
  if (!isUtf8(bytes)) throw malformed('is not UTF-8')
  return bytes.toString('utf8')
}

const QUOTE = 34
const COMMA = 44
const OPEN_ARRAY = 91
const BACKSLASH = 92
const CLOSE_ARRAY = 93
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125
/** From here on names are looked up in a set; few names are compared faster. */
const MANY = 16

/** One object or array that is open. */
type Frame = {
  /** Undefined in an array. */
  names: string[] | undefined
  many: Set<string> | undefined
  /** The name at hand, in an object; how many commas there were, in an array. */
  name: string
  index: number
  start: number
}

/** Goes over text that is JSON. @throws CredenceError `invalid_argument` for a name that stands twice, and for depth */
function look(text: string): Part[] {
  const parts: Part[] = []
  const open: Frame[] = []
  let frame: Frame | undefined
  let expectsName = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      const end = closingQuote(text, at + 1)
      if (expectsName && frame?.names) {
        remember(frame, frame.names, text.slice(at + 1, end))
        expectsName = false
      }
      at = end
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      if (open.length === MAX_DEPTH) throw malformed(`is nested deeper than ${MAX_DEPTH} levels`)
      expectsName = code === OPEN_OBJECT
      frame = { names: expectsName ? [] : undefined, many: undefined, name: '', index: 0, start: at }
      open.push(frame)
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
      const closed = open.pop()
      frame = open.at(-1)
      expectsName = false
      if (closed?.names) cut(parts, open, closed.start, at + 1)
    } else if (code === COMMA && frame) {
      if (frame.names) expectsName = true
      else frame.index++
    }
  }
  return parts
}

function closingQuote(text: string, from: number): number {
  for (let end = text.indexOf('"', from); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return end
  }
}

/** RFC 7493 §2.3: names are unique after their escapes are read. */
function remember(frame: Frame, names: string[], written: string): void {
  const name = written.includes('\\') ? (JSON.parse(`"${written}"`) as string) : written
  if (names.length >= MANY) frame.many ??= new Set(names)
  if (frame.many ? frame.many.has(name) : names.includes(name))
    throw malformed(`holds the name ${JSON.stringify(name.slice(0, 64))} twice in one object`)
  names.push(name)
  frame.many?.add(name)
  frame.name = name
}

/** @param open what is open around the object that was just closed */
function cut(parts: Part[], open: Frame[], start: number, end: number): void {
  const [root, second, third, fourth] = open
  if (open.length === 2 && root && second && CUT[root.name] === second.name)
    parts.push({ entry: -1, entity: root.name, start, end })
  if (open.length !== 4 || !second || second.names || root?.name !== 'evaluations' || !third || !fourth) return
  if (CUT[third.name] === fourth.name) parts.push({ entry: second.index, entity: third.name, start, end })
}

function isWellFormed(root: unknown): boolean {
  const left: unknown[] = [root]
  while (left.length > 0) {
    const value = left.pop()
    if (typeof value === 'string' && !value.isWellFormed()) return false
    if (typeof value !== 'object' || value === null) continue
    for (const [name, member] of Object.entries(value)) {
      if (!name.isWellFormed()) return false
      left.push(member)
    }
  }
  return true
}

/** The text of an object, without one of its members; everything else stays as it was written. */
export function withoutMember(text: string, name: string): string {
  let depth = 0
  let expectsName = false
  /** Where the part begins that is at hand: after the brace, or at the comma before it. */
  let from = 0
  let found = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      const end = closingQuote(text, at + 1)
      if (expectsName) found = JSON.parse(text.slice(at, end + 1)) === name
      expectsName = false
      at = end
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      if (++depth > 1) continue
      expectsName = true
      from = at + 1
    } else if (depth === 1 && (code === COMMA || code === CLOSE_OBJECT)) {
      // The first member takes the comma after it along, any other the one before.
      const isFirst = text.charCodeAt(from) !== COMMA
      if (found) return text.slice(0, from) + text.slice(isFirst && code === COMMA ? at + 1 : at)
      expectsName = true
      from = at
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) depth--
  }
  return text
}
