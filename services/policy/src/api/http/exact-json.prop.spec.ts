import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isObject, MAX_DEPTH, readJson, withoutMember } from './exact-json.ts'

const read = (text: string) => readJson(Buffer.from(text))
const refuses = (text: string, why: string) => expect(() => read(text), text).toThrow(why)

/** JSON as others write it: white space anywhere, escapes, names that look like ours. (There is no -0 in it: `stringify` writes 0.) */
const name = fc.oneof(
  fc.constantFrom('resource', 'properties', 'context', 'arguments', 'action', 'evaluations', '__proto__', 'a'),
  fc.string(),
)
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
      fc.boolean(),
      fc.constant(null),
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 20 }),
  ),
}))
const body = fc.dictionary(name, value, { maxKeys: 6 })

describe('JSON that cannot be read in two ways', () => {
  it('reads what JSON.parse reads, whatever it looks like', () => {
    fc.assert(
      fc.property(body, fc.nat({ max: 3 }), (told, space) => {
        const text = JSON.stringify(told, undefined, space)
        expect(read(text).body).toEqual(JSON.parse(text))
      }),
    )
  })

  it('RFC 7493 §2.3: refuses a name that stands twice, at any depth and in any spelling', () => {
    fc.assert(
      fc.property(body, fc.nat(), fc.boolean(), (told, at, escaped) => {
        const text = JSON.stringify(told)
        // Doubles the first name of the object that opens nearest to this place.
        const opened = text.indexOf('{"', at % text.length)
        fc.pre(opened >= 0 && !isInString(text, opened))
        const [, first = ''] = /^\{("(?:[^"\\]|\\.)*"):/.exec(text.slice(opened)) ?? []
        const again = escaped ? `"${[...JSON.parse(first)].map(unicodeOf).join('')}"` : first
        fc.pre(JSON.parse(again) === JSON.parse(first))
        refuses(`${text.slice(0, opened + 1)}${again}:0,${text.slice(opened + 1)}`, 'twice in one object')
      }),
    )
    refuses(`{${Array.from({ length: 500 }, (_, index) => `"n${index}":1`).join(',')},"n7":2}`, '"n7" twice')
    expect(read('{"a":{"b":1},"c":{"b":1},"d":[{"b":1},{"b":1}]}').body).toBeTruthy()
  })

  it('cuts out properties and arguments exactly as they were written, of the request and of each entry', () => {
    const part = '{ "size" : 9007199254740993, "rate":1.0, "s":"}\\"{", "deep":{"properties":{}} }'
    const one = read(
      `{"resource":{"properties":${part}},"context" : {"arguments":${part}},"action":{"properties":[1]},"properties":{}}`,
    )
    expect(one.textOf(-1, 'resource')).toBe(part)
    expect(one.textOf(-1, 'context')).toBe(part)
    expect(one.textOf(-1, 'action')).toBeUndefined()
    const many = read(
      `{"resource":{"properties":{"d":1}},"evaluations":[{},[{}],"}",{"resource":{"properties":${part}},"context":{"arguments":{"x":[{},{}]}}},{"action":{"properties":{"n":1}}}]}`,
    )
    expect(many.textOf(-1, 'resource')).toBe('{"d":1}')
    expect(many.textOf(3, 'resource')).toBe(part)
    expect(many.textOf(3, 'context')).toBe('{"x":[{},{}]}')
    expect(many.textOf(4, 'action')).toBe('{"n":1}')
    for (const entry of [0, 1, 2, 5]) expect(many.textOf(entry, 'resource')).toBeUndefined()
    expect(many.textOf(4, 'resource')).toBeUndefined()
    expect(
      read('{"evaluations":{"resource":{"properties":{}}},"x":[{"resource":{"properties":{}}}]}').textOf(0, 'resource'),
    ).toBeUndefined()
  })

  it('what is cut out says what was read', () => {
    fc.assert(
      fc.property(body, body, (properties, told) => {
        const text = JSON.stringify({ ...told, resource: { properties } }, undefined, 1)
        expect(JSON.parse(read(text).textOf(-1, 'resource') ?? '')).toEqual(properties)
      }),
    )
  })

  it('takes one member out of an object, and leaves the rest as it was written', () => {
    fc.assert(
      fc.property(body, value, fc.nat(), fc.nat({ max: 2 }), fc.boolean(), (others, told, at, space, escaped) => {
        const names = Object.keys(others).filter((one) => one !== 'sensitivity')
        const place = at % (names.length + 1)
        const ordered = [...names.slice(0, place), 'sensitivity', ...names.slice(place)]
        const text = JSON.stringify(
          Object.fromEntries(ordered.map((one) => [`_${one}`, one === 'sensitivity' ? told : others[one]])),
          undefined,
          space,
        ).replaceAll('"_sensitivity"', escaped ? '"\\u005fsensitivity"' : '"_sensitivity"')
        const left = Object.fromEntries(names.map((one) => [`_${one}`, others[one]]))
        expect(JSON.parse(withoutMember(text, '_sensitivity'))).toEqual(left)
        expect(withoutMember(text, 'not there')).toBe(text)
      }),
    )
    expect(withoutMember('{"a":1.0, "b":2,"c":9007199254740993}', 'b')).toBe('{"a":1.0,"c":9007199254740993}')
  })

  it('refuses what is not JSON, not an object, not UTF-8, half a surrogate, or too deep', () => {
    refuses('', 'is empty')
    for (const text of ['{', '{"a":1,}', "{'a':1}", '{"a":01}', '{"a":NaN}', '\ufeff{}', '{}{}', '{"a":"\n"}'])
      refuses(text, 'is not JSON')
    for (const text of ['[]', 'null', '1', '"a"', 'true']) refuses(text, 'must be a JSON object')
    expect(() => readJson(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toThrow('is not UTF-8')
    expect(() => readJson(Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d]))).toThrow('is not UTF-8')
    for (const text of ['{"a":"\\ud800"}', '{"\\udc00":1}', '{"a":["\\ud800x"]}']) refuses(text, 'half of a surrogate')
    expect(read('{"a":"\\ud83d\\ude00 \\\\ud800"}').body).toEqual({ a: '😀 \\ud800' })
    const nested = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
    expect(read(nested(MAX_DEPTH)).body).toBeTruthy()
    refuses(nested(MAX_DEPTH + 1), 'nested deeper')
    refuses(nested(200_000), 'nested deeper')
  })

  it('takes time in proportion to what it reads', () => {
    const names = Array.from({ length: 60_000 }, (_, index) => `"${index}":1`).join(',')
    const begun = performance.now()
    read(`{${names}}`)
    read(`{"a":"${'\\\\'.repeat(400_000)}"}`)
    expect(performance.now() - begun).toBeLessThan(1_000)
  })

  it('a member named __proto__ is a member, and nothing else', () => {
    const { body: told } = read('{"__proto__":{"subject":1},"constructor":{"prototype":{"x":1}}}')
    expect(told.subject).toBeUndefined()
    expect(({} as { x?: number }).x).toBeUndefined()
    expect(isObject(told)).toBe(true)
  })
})

const unicodeOf = (letter: string) =>
  [...Array(letter.length)].map((_, at) => `\\u${letter.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')

function isInString(text: string, at: number): boolean {
  let inside = false
  for (let index = 0; index < at; index++) {
    if (inside && text[index] === '\\') index++
    else if (text[index] === '"') inside = !inside
  }
  return inside
}
