/**
 * A JSON reader (RFC 8259) for what Cedar decides on. It differs from JSON.parse in what it refuses and keeps: integers
 * are exact to 64 bits; fractions, exponents, null, a key given twice and lone surrogates are refused; objects are Maps.
 */
import { LIMITS } from './limits.ts'
import { type Long, parseLong } from './long.ts'

export type Json = boolean | string | Long | Json[] | JsonObject
export type JsonObject = ReadonlyMap<string, Json>

/** The document is not what it should be. The message names the place, never a value. */
export class InvalidInput extends Error {
  override name = 'InvalidInput'
  readonly path: string

  constructor(path: string, problem: string) {
    super(`${path || 'document'} ${problem}`)
    this.path = path
  }
}

const NUMBER = /-?[0-9]+/y
const SPACE = /[ \t\n\r]*/y

/** @throws InvalidInput */
export function parseJson(text: string): Json {
  if (text.length > LIMITS.jsonLength) throw new InvalidInput('', `is longer than ${LIMITS.jsonLength} characters`)
  const reader = new Reader(text)
  const value = reader.value(0)
  reader.end()
  return value
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(depth: number): Json {
    if (depth > LIMITS.jsonDepth) this.#fail(`nests deeper than ${LIMITS.jsonDepth} levels`)
    this.#take(SPACE)
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth)
      case '[':
        return this.#array(depth)
      case '"':
        return this.#string()
      case 't':
        return this.#word('true', true)
      case 'f':
        return this.#word('false', false)
      case 'n':
        return this.#fail('is null, which Cedar has no value for')
      default:
        return this.#number()
    }
  }

  end(): void {
    this.#take(SPACE)
    if (this.#at < this.#text.length) this.#fail('has text after its end')
  }

  #fail(problem: string): never {
    throw new InvalidInput(`at character ${this.#at}: document`, problem)
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const [found = ''] = pattern.exec(this.#text) ?? []
    this.#at += found.length
    return found
  }

  /** Whether the next character that is no space is this one; takes it. */
  #next(character: string): boolean {
    this.#take(SPACE)
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #word(word: string, value: boolean): boolean {
    if (!this.#text.startsWith(word, this.#at)) this.#fail('is no JSON')
    this.#at += word.length
    return value
  }

  #number(): Long {
    const digits = this.#take(NUMBER)
    if (digits === '') this.#fail('is no JSON')
    if ('.eE'.includes(this.#text[this.#at] || ' ')) this.#fail('has a number that is no integer')
    if (/^-?0./.test(digits) || digits === '-0') this.#fail('has a number with a leading zero, or -0')
    return parseLong(digits) ?? this.#fail('has an integer outside 64 bits')
  }

  /** JSON.parse undoes the escapes, refuses what is no JSON string, and copies: a slice would keep the whole text. */
  #string(): string {
    const end = this.#endOfString()
    const value = stringOf(this.#text.slice(this.#at, end))
    if (!value?.isWellFormed()) this.#fail('has a string that is no JSON, or half of a surrogate pair')
    this.#at = end
    return value
  }

  /** By search, not by pattern: a pattern would run out of stack in a long string. */
  #endOfString(): number {
    let quote = this.#at
    for (;;) {
      quote = this.#text.indexOf('"', quote + 1)
      if (quote < 0) this.#fail('has a string without an end')
      let backslashes = 0
      while (this.#text[quote - 1 - backslashes] === '\\') backslashes++
      if (backslashes % 2 === 0) return quote + 1
    }
  }

  #array(depth: number): Json[] {
    this.#at++
    const values: Json[] = []
    if (this.#next(']')) return values
    do values.push(this.value(depth + 1))
    while (this.#next(','))
    if (!this.#next(']')) this.#fail('has an array without an end')
    return values
  }

  #object(depth: number): JsonObject {
    this.#at++
    const members = new Map<string, Json>()
    if (this.#next('}')) return members
    do {
      this.#take(SPACE)
      if (this.#text[this.#at] !== '"') this.#fail('has an object whose key is no string')
      const key = this.#string()
      if (members.has(key)) this.#fail('has an object with a key given twice')
      if (!this.#next(':')) this.#fail('has an object key without a value')
      members.set(key, this.value(depth + 1))
    } while (this.#next(','))
    if (!this.#next('}')) this.#fail('has an object without an end')
    return members
  }
}

function stringOf(token: string): string | undefined {
  try {
    return JSON.parse(token)
  } catch {
    return undefined
  }
}
