/** The rest of the list of traps: text, templates, JSON escapes, depth, keys, grammar, annotations. */
import { templateToJson } from '@cedar-policy/cedar-wasm/nodejs'
import { describe, expect, test } from 'vitest'
import { CannotCompile, compile, type Policy } from './engine.ts'
import { LIMITS } from './limits.ts'
import type { PolicyJson } from './policy-json.ts'
import { readContext } from './read.ts'
import { answer, entity, outcome, parses, policyOf, uid } from './testing/outcome.ts'

const all = (...cases: [expression: string, wanted: boolean | 'error'][]) => {
  for (const [expression, wanted] of cases) expect([expression, outcome(expression)]).toEqual([expression, wanted])
}
const noEntities = () => undefined
const REQUEST = { principal: uid('U', 'a'), action: uid('Action', 'do'), resource: uid('U', 'b'), context: new Map() }

describe('traps', () => {
  test('15: like knows * and \\* only, matches whole characters, and takes no exponential time', () => {
    all(
      ['"a*b" like "a\\*b" && !("axb" like "a\\*b")', true],
      ['"line\\nbreak" like "line*break"', true],
      ['"a.c" like "a?c" || "abc" like "a.c"', false],
      ['"" like "" && "" like "*" && !("a" like "")', true],
      ['"aba" like "*a*a*" && !("a" like "a*a")', true],
      ['"😀😁" like "😀*"', true],
      ['1 like "*"', 'error'],
    )
    const hostile = `"${'a'.repeat(5_000)}" like "${'*a'.repeat(300)}*b"`
    const { policy } = {
      policy: policyOf(`permit (principal, action, resource) when { context.s like "${'*a'.repeat(300)}*b" };`),
    }
    const started = performance.now()
    const context = readContext(JSON.stringify({ s: 'a'.repeat(100_000) }))
    expect(compile([{ id: 'p', policy }]).evaluate({ ...REQUEST, context }, noEntities).decision).toBe('deny')
    expect(performance.now() - started).toBeLessThan(1_000)
    all([hostile, false])
  })

  test('16: strings are compared as they are; half a surrogate pair is refused', () => {
    all(['"é" == "e\\u{301}"', false], ['"\\x41\\0\\u{1F600}" == "A\\0😀"', true])
    expect(() => readContext('{"s": "\\ud800"}')).toThrow('surrogate')
    expect(() => readContext(JSON.stringify({ s: '\ud800' }))).toThrow('surrogate')
    expect(readContext('{"s": "\\ud83d\\ude00"}').get('s')).toBe('😀')
  })

  test('17: a template decides as its links do; slots are filled exactly', () => {
    const template = policyTemplate('permit (principal is U in ?principal, action, resource == ?resource);')
    const linked = (slots?: Policy['slots']) =>
      compile([{ id: 'link', policy: template, ...(slots && { slots }) }]).evaluate(REQUEST, noEntities).permits
    expect(linked({ '?principal': uid('U', 'a'), '?resource': uid('U', 'b') })).toEqual(['link'])
    expect(linked({ '?principal': uid('U', 'x'), '?resource': uid('U', 'b') })).toEqual([])
    expect(() => linked()).toThrow(CannotCompile)
    expect(() => linked({ '?principal': uid('U', 'a') })).toThrow('?resource, which nothing fills')
    const plain = policyOf('permit (principal, action, resource);')
    expect(() => compile([{ id: 'p', policy: plain, slots: { '?principal': uid('U', 'a') } }])).toThrow('lacks')
    const crossed: PolicyJson = { ...plain, principal: { op: 'in', slot: '?resource' } }
    expect(() => compile([{ id: 'p', policy: crossed, slots: { '?resource': uid('U', 'a') } }])).toThrow('?resource')
    const inCondition = { ...plain, conditions: [{ kind: 'when' as const, body: { Slot: '?principal' } }] }
    expect(() => compile([{ id: 'p', policy: inCondition }])).toThrow(CannotCompile)
  })

  test('18: an escape is an object with that one key', () => {
    const context = { e: { __entity: uid('U', 'a') }, ip: { __extn: { fn: 'ip', arg: '1.2.3.4' } } }
    expect(outcome('context.e == principal && context.ip.isIpv4()', { context })).toBe(true)
    const record = { x: { __entity: uid('U', 'a'), y: 1 }, z: { type: 'U', id: 'a' } }
    expect(
      outcome('context.x has y && context.x.__entity.id == "a" && context.z.type == "U"', { context: record }),
    ).toBe(true)
    expect(() => readContext('{"x": {"__expr": "1 + 1"}}')).toThrow('__expr')
    expect(() => readContext('{"x": {"__extn": {"fn": "ip", "arg": "1.2.3"}}}')).toThrow('IP address')
    expect(() => readContext('{"x": {"__entity": {"type": "no name", "id": "a"}}}')).toThrow('name of an entity type')
  })

  test('19: depth is limited before it can end the stack', () => {
    let body: object = { Value: true }
    for (let depth = 0; depth < 100_000; depth++) body = { '!': { arg: body } }
    const policy = {
      ...policyOf('permit (principal, action, resource);'),
      conditions: [{ kind: 'when' as const, body }],
    }
    expect(() => compile([{ id: 'deep', policy }])).toThrow(/policy "deep", conditions\[0\].*deeper than/)
    expect(() => readContext(`{"a": ${'['.repeat(100_000)}`)).toThrow('deeper than')
    let allowed: object = { Value: true }
    for (let depth = 0; depth < LIMITS.expressionDepth; depth++) allowed = { '!': { arg: allowed } }
    const deep = { ...policy, conditions: [{ kind: 'when' as const, body: allowed }] }
    expect(compile([{ id: 'p', policy: deep }]).evaluate(REQUEST, noEntities).decision).toBe('allow')
  })

  test('20: attributes may have the names that JavaScript objects have', () => {
    const context = JSON.parse('{"__proto__": 1, "constructor": 2, "toString": 3}')
    expect(outcome('context["__proto__"] == 1 && context.constructor == 2 && context.toString == 3', { context })).toBe(
      true,
    )
    all(['{} has "__proto__" || {} has constructor || {} has toString', false])
    all(['{"__proto__": 1} == {}', false], ['context has valueOf', false], ['context.hasOwnProperty == 1', 'error'])
    const entities = [entity(uid('U', '__proto__'), JSON.parse('{"__proto__": {"__proto__": true}}'))]
    expect(outcome('U::"__proto__"["__proto__"]["__proto__"]', { entities })).toBe(true)
  })

  test('21: what is no policy text never reaches the engine; what the grammar allows does', () => {
    for (const text of [
      '1 < 2 < 3',
      '-----1 == 1',
      '1 == 1 == 1',
      'context.if == 1',
      '!!!!!true',
      '"\\b" == ""',
      '"\\x80" == ""',
    ])
      expect([text, parses(text)]).toEqual([text, false])
    all(['----1 == 1', true], ['!!!!true', true], ['{"if": 1}["if"] == 1', true], ['[1, 2,] == [1, 2]', true])
  })

  test('22: annotations decide nothing, and name no policy', () => {
    const { permits } = answer('@id("mine") @note permit (principal, action, resource);')
    expect(permits).toEqual(['policy0'])
    const again = policyOf('permit (principal, action, resource);')
    expect(() =>
      compile([
        { id: 'p', policy: again },
        { id: 'p', policy: again },
      ]),
    ).toThrow('two policies')
  })
})

function policyTemplate(text: string): PolicyJson {
  const json = templateToJson(text)
  if (json.type === 'failure') throw new Error(json.errors.map(({ message }) => message).join('; '))
  return json.json as unknown as PolicyJson
}
