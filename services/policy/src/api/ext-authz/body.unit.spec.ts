import { describe, expect, it } from 'vitest'
import { readArguments } from './body.ts'
import type { Asking } from './request.ts'
import { readRoute } from './route.ts'

const route = (more: Record<string, string> = {}) => {
  const found = readRoute({
    'credence.audience': 'https://bank.example',
    'credence.request': 'POST /payments',
    'credence.action': 'payments.pay',
    'credence.resource_type': 'Account',
    'credence.resource_id': 'main',
    'credence.sensitivity': 'confidential',
    'credence.arguments': 'body',
    ...more,
  })
  if (!found) throw new Error('no route')
  return found
}
const WHOLE = { 'content-type': ['application/json'], 'x-envoy-auth-partial-body': ['false'] }

function asking(body: string | Uint8Array, headers: Record<string, string[]> = {}): Asking {
  const all: Record<string, string[]> = { ...WHOLE, ...headers }
  return {
    id: '',
    method: 'POST',
    path: '/payments',
    header: (name) => all[name] ?? [],
    sourceAddress: '',
    body: Buffer.from(body),
  }
}
const read = (body: string | Uint8Array, headers?: Record<string, string[]>) =>
  readArguments(asking(body, headers), route())

describe('arguments in a body', () => {
  it('are its members', () => {
    expect(read('{ "to": "a", "list": [{"x": "1: 2"}, {"x": "\\":"}] }')).toEqual({
      arguments: '{ "to": "a", "list": [{"x": "1: 2"}, {"x": "\\":"}] }',
    })
    expect(read('{}', { 'content-type': ['application/json; charset=UTF-8'] })).toEqual({ arguments: '{}' })
  })

  for (const partial of [[], ['true'], ['false', 'true'], ['true', 'false'], ['false', 'false'], ['false,true'], ['']])
    it(`are not read when Envoy says of the body: ${JSON.stringify(partial)}`, () => {
      expect(read('{}', { 'x-envoy-auth-partial-body': partial })).toEqual({ fault: 'body_partial' })
    })

  const unreadable: [string, string | Uint8Array, Record<string, string[]>?][] = [
    ['nothing', ''],
    ['cut off', '{"to": "a"'],
    ['no object', '[]'],
    ['null', 'null'],
    ['a name twice', '{"to": "a", "to": "b"}'],
    ['a name twice, once escaped', '{"to": "a", "\\u0074o": "b"}'],
    ['a name twice further in', '{"list": [{"to": "a", "to": "b"}]}'],
    ['no UTF-8', Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['a byte order mark', '\ufeff{}'],
    ['two values', '{}{}'],
    ['too long', JSON.stringify({ to: 'x'.repeat(16_384) })],
    ['half a surrogate pair', '{"to": "\\ud800"}'],
    ['another type', '{}', { 'content-type': ['text/plain'] }],
    ['two types', '{}', { 'content-type': ['application/json', 'application/json'] }],
    ['no type', '{}', { 'content-type': [] }],
    ['a content coding', '{}', { 'content-encoding': ['gzip'] }],
  ]
  for (const [name, body, headers] of unreadable)
    it(`are unreadable: ${name}`, () => {
      expect(read(body, headers)).toEqual({ fault: 'body_unreadable' })
    })
})

describe('an amount in a body', () => {
  const amount = (body: string) => readArguments(asking(body), route({ 'credence.amount': 'sum' }))

  it('is a member with currency and value', () => {
    expect(amount('{"sum": {"currency": "EUR", "value": "12.50"}}')).toMatchObject({
      amount: { currency: 'EUR', value: '12.50' },
    })
  })

  for (const body of [
    '{}',
    '{"sum": 12.5}',
    '{"sum": {"currency": "EUR", "value": 12.5}}',
    '{"sum": null}',
    '{"sum": "12 EUR"}',
  ])
    it(`is unreadable in ${body}`, () => {
      expect(amount(body)).toEqual({ fault: 'amount_unreadable' })
    })
})
