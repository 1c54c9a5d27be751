import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readExactJson } from './exact-json.ts'

const limits = { bytes: 4096, depth: 8 }
const read = (text: string) => readExactJson(Buffer.from(text), limits)

describe('JSON that nobody can read in another way', () => {
  it('is read as JSON.parse reads it', () =>
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat({ max: 3 }), (value, space) => {
        const text = JSON.stringify(value, undefined, space)
        fc.pre(text.length < 4000 && !text.includes('__proto__') && isExact(value))
        expect(read(text)).toEqual({ value: JSON.parse(text) })
      }),
    ))

  const refused: [name: string, text: string, code: string][] = [
    ['nothing', '', 'json_malformed'],
    ['a cut text', '{"a":[1', 'json_malformed'],
    ['two values', '{}{}', 'json_malformed'],
    ['a byte order mark', '\uFEFF{}', 'json_malformed'],
    ['a comment', '{} // no', 'json_malformed'],
    ['a name that stands twice', '{"a":1,"b":{"a":1},"a":1}', 'json_name_twice'],
    ['a name that stands twice, once escaped', '{"a":1,"\\u0061":1}', 'json_name_twice'],
    ['a name that stands twice, deeper', '[{"x":{"a":1, "a" :1}}]', 'json_name_twice'],
    ['the name __proto__', '{"__proto__":{"admin":true}}', 'json_malformed'],
    ['the name __proto__, escaped', '{"\\u005f_proto__":1}', 'json_malformed'],
    ['half of a surrogate pair', '["\\ud800"]', 'json_malformed'],
    ['half of a surrogate pair in a name', '{"\\udc00":1}', 'json_malformed'],
    ['a number past 2^53', '[9007199254740993]', 'json_number_inexact'],
    ['a number past all doubles', '[1e999]', 'json_number_inexact'],
    ['a number that is rounded', '[0.12345678901234567890]', 'json_number_inexact'],
    ['a number that vanishes', '[1e-999]', 'json_number_inexact'],
    ['too many levels', `${'['.repeat(9)}${']'.repeat(9)}`, 'json_too_deep'],
    ['too many bytes', `"${'x'.repeat(4096)}"`, 'json_too_large'],
  ]
  for (const [name, text, code] of refused)
    it(`is not ${name}`, () => expect(read(text)).toMatchObject({ refused: code }))

  it('is not Latin-1', () =>
    expect(readExactJson(Buffer.from('"\xe9"', 'latin1'), limits)).toMatchObject({ refused: 'json_malformed' }))

  it('may hold names and strings that look like syntax, and numbers in any spelling that is exact', () => {
    const text = '{"a\\"{":"}:1e999,","constructor":"__proto__","b":[1.50,-0,1E2,0.1,1e21,9007199254740991,null,true]}'
    expect(read(text)).toEqual({ value: JSON.parse(text) })
  })

  it('never throws, whatever the bytes are, and a hundred thousand levels are no trouble', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(readExactJson(bytes, limits)).toBeTypeOf('object')
      }),
    )
    const deep = { bytes: 1 << 20, depth: 64 }
    expect(readExactJson(Buffer.from('['.repeat(100_000)), deep)).toMatchObject({ refused: 'json_malformed' })
    const closed = `${'[{"a":'.repeat(50_000)}1${'}]'.repeat(50_000)}`
    expect(readExactJson(Buffer.from(closed), deep)).toMatchObject({ refused: 'json_too_deep' })
    const escapes = `"${'\\n'.repeat(500_000)}"`
    expect(readExactJson(Buffer.from(escapes), deep).refused).toBeUndefined()
  })
})

/** Numbers that fast-check makes are doubles; whole ones past 2^53 are refused unless written as a double is. */
function isExact(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return true
  return Object.values(value).every(isExact)
}
