/** What is checked by hand is what the published schema says: neither takes what the other refuses. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { readJson } from './exact-json.ts'
import { readQuestion } from './read.ts'
import { schemas } from './schemas.ts'

const schema = z.fromJSONSchema(schemas.EvaluationRequest as Parameters<typeof z.fromJSONSchema>[0])

const readText = (text: string) => {
  const { body, textOf } = readJson(Buffer.from(text))
  return readQuestion(body, (entity) => textOf(-1, entity), 'req-1')
}
const isRead = (body: unknown): boolean => {
  try {
    readText(JSON.stringify(body))
    return true
  } catch {
    return false
  }
}

const good = {
  subject: { type: 'agent', id: 'agt_01jd0000000000000000000001' },
  action: { name: 'calendar.book' },
  resource: { type: 'CalendarEvent', id: '2026/11', properties: { sensitivity: 'internal', size: 3 } },
  context: {
    grant_id: 'grt_01jd0000000000000000000001',
    token_id: 'token-1',
    audience: 'https://calendar.acme.example',
    source_address: '192.0.2.7',
    amount: { currency: 'EUR', value: '420.00' },
    arguments: { title: 'Jour fixe' },
    not_before: ['POLICY:12'],
    supported_obligations: ['mask_fields'],
    credence_details: true,
    credence_receipt: false,
    approval: { id: 'apr_1' },
  },
}

/** Every place in the request, as a path. */
const paths = (value: unknown, at: string[] = []): string[][] =>
  typeof value === 'object' && value !== null
    ? [at, ...Object.entries(value).flatMap(([name, member]) => paths(member, [...at, name]))]
    : [at]
const ALL = paths(good).filter((path) => path.length > 0)

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    0,
    1,
    -1,
    1.5,
    true,
    false,
    [],
    {},
    '',
    'a',
    'restricted',
    'secret',
    'A::b',
    'A:b',
    'a\u0000',
    'a\u202eb',
    '\ufeff',
    'é',
    ' ',
  ),
  fc.constantFrom<unknown>(
    '::1',
    '10.0.0.1',
    '10.0.0.256',
    '::g',
    'localhost',
    'POLICY:1',
    ['POLICY:1'],
    ['policy:1'],
    ['POLICY/1:2'],
    ['DECISIONS:1'],
    [1],
    Array(9).fill('POLICY:1'),
  ),
  fc.constantFrom<unknown>(
    'EUR',
    'eur',
    'EURO',
    '1.',
    '.5',
    '1.0000001',
    '1e3',
    '-1',
    '0.5',
    '1234567890123456',
    { id: '' },
    { id: 'x' },
    { name: 'x' },
  ),
  fc.constantFrom(127, 128, 129, 255, 256, 257).map((length) => 'x'.repeat(length)),
  fc.constantFrom(128, 129, 256, 257).map((length) => '😀'.repeat(length)),
  fc.constantFrom(31, 32, 33).map((length) => Array(length).fill('x')),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
)
const change = fc.tuple(fc.constantFrom(...ALL), fc.option(odd, { nil: undefined }))

function changed(path: string[], value: unknown, target: unknown = good): unknown {
  const [name, ...rest] = path
  if (name === undefined) return value
  if (Array.isArray(target)) return rest.length === 0 ? [value] : target
  return { ...(target as object), [name]: changed(rest, value, (target as Record<string, unknown>)[name]) }
}

/** Zod counts the halves of a surrogate pair; JSON Schema and we count characters. */
const isOfHalves = (body: unknown): boolean => /[\ud800-\udfff]/.test(JSON.stringify(body))

describe('what is checked by hand', () => {
  it('takes a request with everything in it', () => {
    expect(schema.safeParse(good).success).toBe(true)
    expect(readText(JSON.stringify(good)).asked).toEqual({
      agentId: 'agt_01jd0000000000000000000001',
      grantId: 'grt_01jd0000000000000000000001',
      tokenId: 'token-1',
      action: 'calendar.book',
      resource: {
        type: 'CalendarEvent',
        id: '2026/11',
        sensitivity: 'internal',
        properties: '{"sensitivity":"internal","size":3}',
      },
      audience: 'https://calendar.acme.example',
      sourceAddress: '192.0.2.7',
      requestId: 'req-1',
      notBefore: ['POLICY:12'],
      amount: { currency: 'EUR', value: '420.00' },
      arguments: '{"title":"Jour fixe"}',
      supportedObligations: ['mask_fields'],
      receipt: false,
    })
  })

  it('is what the published schema says, whatever one or two members are', () => {
    fc.assert(
      fc.property(change, fc.option(change), ([path, value], second) => {
        let body = changed(path, value)
        if (second?.[0].join().startsWith(path.join())) return
        if (second) body = changed(second[0], second[1], body)
        fc.pre(!isOfHalves(body))
        expect(isRead(body), JSON.stringify(body)).toBe(schema.safeParse(body).success)
      }),
      { numRuns: 3_000 },
    )
  })

  it('counts characters, not halves of them', () => {
    expect(isRead(changed(['resource', 'id'], '😀'.repeat(256)))).toBe(true)
    expect(isRead(changed(['resource', 'id'], '😀'.repeat(257)))).toBe(false)
  })

  it('no name of a person gets into a record: who is no agent is nobody', () => {
    for (const subject of [
      { type: 'user', id: 'alice@example.com' },
      { type: 'agent', id: 'alice@example.com' },
      { type: 'Agent', id: 'agt_01jd0000000000000000000001' },
    ])
      expect(readText(JSON.stringify({ ...good, subject })).asked.agentId).toBe('')
  })

  it('what is not said, or misspelt, is the most sensitive, and nothing that was granted', () => {
    for (const resource of [
      { type: 'T', id: '1' },
      { type: 'T', id: '1', properties: {} },
      { type: 'T', id: '1', properties: { Sensitivity: 'public', sensitvity: 'public' } },
      { type: 'T', id: '1', properties: { properties: { sensitivity: 'public' } } },
      { type: 'T', id: '1', sensitivity: 'public' },
    ])
      expect(readText(JSON.stringify({ ...good, resource })).asked.resource.sensitivity).toBe('restricted')
    const { asked } = readText(
      JSON.stringify({ ...good, context: { grantId: 'grt_1', access_token: 'x', tokenId: 'y' } }),
    )
    expect(asked).toMatchObject({ grantId: '', tokenId: '', audience: '', sourceAddress: '' })
    expect(JSON.stringify(asked)).not.toContain('access_token')
    expect(() =>
      readText(
        '{"subject":{"type":"agent","id":"a"},"action":{"name":"a"},"resource":{"type":"T","id":"1","properties":{"sensitivity":"Public"}}}',
      ),
    ).toThrow('resource.properties.sensitivity: must be one of')
  })

  it('numbers reach policies as they were written', () => {
    const text = JSON.stringify(good)
      .replace('"size":3', '"size":9007199254740993')
      .replace('"title":"Jour fixe"', '"rate":0.10000000000000000001,"n":1.0')
    expect(readText(text).asked.resource.properties).toContain('9007199254740993')
    expect(readText(text).asked.arguments).toBe('{"rate":0.10000000000000000001,"n":1.0}')
  })

  it('arguments are told once, as context.arguments or as action.properties', () => {
    const { arguments: _, ...context } = good.context
    const action = { name: 'calendar.book', properties: { period: '2W' } }
    expect(readText(JSON.stringify({ ...good, context, action })).asked.arguments).toBe('{"period":"2W"}')
    expect(() => readText(JSON.stringify({ ...good, action }))).toThrow('context.arguments: stands beside')
    expect(readText(JSON.stringify({ ...good, action: { name: 'a', properties: {} } })).asked.arguments).toContain(
      'Jour',
    )
    const long = { ...good.context, arguments: { x: 'y'.repeat(17_000) } }
    expect(() => readText(JSON.stringify({ ...good, context: long }))).toThrow(
      'context.arguments: must be at most 16384',
    )
  })
})
