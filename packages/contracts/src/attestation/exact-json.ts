/**
 * JSON that nobody can read in another way (RFC 8259; I-JSON: RFC 7493): UTF-8, each name once in its object, no half
 * surrogates, bounded depth, and no number that a double would round. What is signed or hashed is read like this.
 * `JSON.parse` reads the values; one look over its text finds what it passes over in silence.
 */
import { isUtf8 } from 'node:buffer'

/** What was read, or a stable code; `detail` is for people and holds none of the contents. */
export type Read<T> =
  | { value: T; refused?: undefined; detail?: undefined }
  | { refused: string; detail: string; value?: undefined }

export type JsonLimits = { bytes: number; depth: number }

type Fault = { refused: string; detail: string }

/** Codes: `json_too_large`, `json_malformed`, `json_too_deep`, `json_name_twice`, `json_number_inexact`. Throws nothing. */
export function readExactJson(bytes: Uint8Array, limits: JsonLimits): Read<unknown> {
  if (bytes.byteLength > limits.bytes)
    return { refused: 'json_too_large', detail: `is larger than ${limits.bytes} bytes` }
  if (!isUtf8(bytes)) return { refused: 'json_malformed', detail: 'is not UTF-8' }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { refused: 'json_malformed', detail: 'is not JSON' }
  }
  return faultIn(text, limits.depth) ?? { value }
}

/** In text that is JSON: a string (with the colon after it when it is a name), a bracket, or a number. */
const TOKENS = /"([^"\\]*(?:\\.[^"\\]*)*)"(\s*:)?|[{[]|[}\]]|-?\d[\d.eE+-]*/g

function faultIn(text: string, depth: number): Fault | undefined {
  const open: Set<string>[] = []
  for (const [token, string, colon] of text.matchAll(TOKENS)) {
    if (string !== undefined) {
      const fault = stringFault(string, colon === undefined ? undefined : open.at(-1))
      if (fault) return fault
    } else if (token === '{' || token === '[') {
      if (open.length === depth) return { refused: 'json_too_deep', detail: `is nested deeper than ${depth} levels` }
      open.push(new Set())
    } else if (token === '}' || token === ']') open.pop()
    else if (!isExact(token)) return { refused: 'json_number_inexact', detail: 'holds a number that a double rounds' }
  }
  return undefined
}

/** @param names of the object that the string is a name in; undefined for a value */
function stringFault(written: string, names: Set<string> | undefined): Fault | undefined {
  const read = written.includes('\\') ? (JSON.parse(`"${written}"`) as string) : written
  if (!read.isWellFormed()) return { refused: 'json_malformed', detail: 'holds half of a surrogate pair' }
  if (!names) return undefined
  // A name that sets the prototype of an object somewhere down the line says something else there.
  if (read === '__proto__') return { refused: 'json_malformed', detail: 'holds the name "__proto__"' }
  if (names.has(read)) return { refused: 'json_name_twice', detail: 'holds one name twice in one object' }
  names.add(read)
  return undefined
}

/** As a double is written, or a whole number that is safe, or at most 15 significant digits (IEEE 754: these survive). */
function isExact(source: string): boolean {
  const value = Number(source)
  if (!Number.isFinite(value)) return false
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value) || String(value) === source
  const digits = (source.split(/e/i)[0] ?? '').replace(/[-.]/g, '').replace(/^0+/, '')
  return String(value) === source || (digits.length <= 15 && (value !== 0 || digits === ''))
}
