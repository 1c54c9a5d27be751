import { CredenceError } from '@credence/contracts/errors'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Act } from '../../api/acts.ts'
import { canonicalAct } from './canonical.ts'

const ACT: Act = {
  agent: 'agt_1',
  grant: 'grt_1',
  action: 'payment.send',
  resource: { type: 'Invoice', id: '7' },
  audience: 'https://bank.acme.example',
  amount: { currency: 'EUR', value: '420.00' },
  arguments: '{"recipient":"Acme","reference":7}',
}
const withArguments = (text: string | undefined) => canonicalAct({ ...ACT, arguments: text })
const refusal = (text: string): string => {
  try {
    withArguments(text)
    return 'taken'
  } catch (error) {
    return error instanceof CredenceError ? (error.violations[0]?.description ?? '') : String(error)
  }
}

describe('the form of an act', () => {
  it('is RFC 8785: members in order, no spaces', () => {
    expect(canonicalAct(ACT)).toBe(
      '{"action":"payment.send","agent":"agt_1","amount":{"currency":"EUR","value":"420.00"},"arguments":{"recipient":"Acme","reference":7},"audience":"https://bank.acme.example","grant":"grt_1","resource":{"id":"7","type":"Invoice"}}',
    )
  })
  it('is one for one act, however its arguments are spelt', () => {
    for (const text of ['{ "reference" : 7.0, "recipient":"\\u0041cme" }', '{"reference":70e-1,"recipient":"Acme"}'])
      expect(withArguments(text)).toBe(canonicalAct(ACT))
    expect(withArguments('')).toBe(withArguments(undefined))
  })
  it('is another for every other act', () => {
    const others: Partial<Act>[] = [
      { agent: 'agt_2' },
      { grant: 'grt_2' },
      { action: 'payment.cancel' },
      { resource: { type: 'Invoice', id: '8' } },
      { resource: { type: 'Order', id: '7' } },
      { audience: 'https://shop.acme.example' },
      { amount: { currency: 'EUR', value: '420.01' } },
      { amount: { currency: 'USD', value: '420.00' } },
      { amount: undefined },
      { arguments: '{"recipient":"Acme","reference":8}' },
      { arguments: '{"recipient":"Acme","reference":"7"}' },
      { arguments: '{"recipient":"Acme"}' },
      { arguments: '{}' },
      { arguments: undefined },
    ]
    const forms = [{}, ...others].map((part) => canonicalAct({ ...ACT, ...part }))
    expect(new Set(forms).size).toBe(forms.length)
  })
})

describe('arguments that two readers could read differently', () => {
  it('are refused: a name twice, at any depth, however it is spelt', () => {
    for (const text of [
      '{"a":1,"a":2}',
      '{"a":1,"a":1}',
      '{"a":1,"\\u0061":2}',
      '{"x":[{"":{"":1,"":2}}]}',
      '{"__proto__":1,"__proto__":2}',
    ])
      expect(refusal(text)).toContain('same name twice')
  })
  it('are refused: numbers that a double changes', () => {
    for (const number of ['9007199254740993', '-9007199254740993', '1e400', '1e-400', '0.12345678901234567'])
      expect(refusal(`{"a":[${number}]}`)).toContain('double')
    for (const number of ['9007199254740991', '0', '-0.0', '0.1', '1e3', '123456789012.345', '0.30000000000000004'])
      expect(refusal(`{"a":[${number}]}`)).toBe('taken')
  })
  it('are refused: what is no object, no JSON, no Unicode, or too deep to read', () => {
    for (const text of ['[]', '7', 'null', '"a"', '{', '{"a":1}}', "{'a':1}", `${'{"a":'.repeat(9_999)}1`])
      expect(refusal(text)).toBe('must be a JSON object')
    for (const text of ['{"a":"\\ud800"}', '{"\\udc00":1}']) expect(refusal(text)).toContain('Unicode')
  })
  it('are taken when they are strange and clear', () => {
    for (const text of ['{"a\\"b:":1,"c":"\\"d\\":"}', '{"":{"":[{"":""}]}}', '{"__proto__":{"toJSON":1}}'])
      expect(refusal(text)).toBe('taken')
  })
  it('never are what JSON.stringify writes of plain values', () => {
    const value = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 3 }))
    fc.assert(
      fc.property(value, (one) => {
        expect(refusal(JSON.stringify(one))).toBe('taken')
        expect(withArguments(JSON.stringify(one, null, 2))).toBe(withArguments(JSON.stringify(one)))
      }),
    )
  })
})
