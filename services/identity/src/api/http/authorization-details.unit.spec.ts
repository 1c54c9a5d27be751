/** What `JSON.parse` passes over in silence is found in the text. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { detail } from '../../../../../infra/testing/facts.ts'
import { faultIn, readAuthorizationDetails } from './authorization-details.ts'

describe('a text that two parsers could read differently', () => {
  it('rar-duplicate-member: RFC 8259 §4, the same name twice in one object, however it is written', () => {
    for (const text of [
      '{"a":1,"a":1}',
      '{"a":1,"\\u0061":2}',
      '[{"b":[{"a":1 , "a" :2}]}]',
      '{"a":{"b":1},"c":[],"a":{}}',
      '{"":1,"":2}',
      '{"\\"":1,"\\"":2}',
      '{"a\\\\":1,"a\\\\":2}',
      '{"__proto__":1,"__proto__":2}',
    ]) {
      JSON.parse(text)
      expect(faultIn(text), text).toBe('duplicate_member')
    }
    for (const text of [
      '{"a":{"a":1},"b":{"a":1}}',
      '[{"a":1},{"a":1}]',
      '{"a":"a\\":1,\\"a\\":"}',
      '["a","a"]',
      '{"a":"{","b":"}"}',
    ])
      expect(faultIn(text), text).toBe(undefined)
  })

  it('rar-number-unsafe: RFC 8259 §6, a number that changes when it is read', () => {
    for (const number of [
      '1e3',
      '1.0',
      '1000000.0000000000000000001',
      '9007199254740993',
      '1E400',
      '-0.1',
      '1234567890123456',
    ])
      for (const text of [`[${number}]`, `{"a":${number}}`, number]) expect(faultIn(text), text).toBe('unsafe_number')
    for (const text of ['[0,-1,999999999999999]', '{"a":"1e400"}', '["1.5"]'])
      expect(faultIn(text), text).toBe(undefined)
  })

  it('and nothing is found in any text that says each thing once', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        fc.string({ unit: 'binary' }),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('any')),
        fc.dictionary(fc.string({ unit: 'binary' }), tie('any')),
      ),
    })).any
    fc.assert(
      fc.property(value, fc.nat(3), (any, space) => faultIn(JSON.stringify(any, undefined, space)) === undefined),
    )
  })

  it('names the place of what does not fit, in characters that an answer may hold: RFC 6749 §5.2', () => {
    const refusing = (text: string) => {
      try {
        readAuthorizationDetails(text)
      } catch (error) {
        return (error as { error_description: string }).error_description
      }
      throw new Error('not refused')
    }
    const message = refusing(JSON.stringify([detail({ actions: ['*'] })]))
    expect(message).toContain('0.actions.0')
    for (const text of [JSON.stringify([{ ...detail(), 'é"\\\n': 1 }]), '[', 'x'.repeat(20_000)])
      expect(refusing(text)).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/)
  })
})
