/** What was found out by running cedar-wasm, one test a line; each is asked of cedar-wasm again. */
import { describe, expect, test } from 'vitest'
import { CannotCompile, compile } from './engine.ts'
import { entityStore } from './entity-store.ts'
import { withExactLongs } from './exact-longs.ts'
import { readContext, readEntities } from './read.ts'
import { answer, entity, outcome, parses, policyOf, schemaOf, uid } from './testing/outcome.ts'

describe('checked by running', () => {
  test('sets with a non-entity, nested has, short circuits', () => {
    expect(outcome('principal in [U::"a", 1]')).toBe('error')
    expect(outcome('context has a.b.c', { context: { a: 1 } })).toBe('error')
    expect(outcome('context has a.b.c', { context: { a: {} } })).toBe(false)
    expect(outcome('true && 1')).toBe('error')
    expect(outcome('true || 1 < "a"')).toBe(true)
    const text = 'permit (principal, action, resource) when { false } unless { context.bad };'
    expect(answer(text)).toMatchObject({ decision: 'deny', failing: [] })
  })

  test('spellings of decimals, datetimes and durations', () => {
    const valid = (call: string) => outcome(`${call} == ${call}`)
    expect(valid('decimal("00001.0")')).toBe(true)
    for (const text of ['+1.0', '1', '٣.٠']) expect(valid(`decimal("${text}")`)).toBe('error')
    expect(valid('datetime("2024-10-15T11:35:00-0000")')).toBe(true)
    for (const text of [
      '2024-10-15T11:35:00+2400',
      '2024-10-15T11:35:00+0060',
      '2024-10-15T24:00:00Z',
      '2024-02-30',
      '+012024-02-01',
    ])
      expect(valid(`datetime("${text}")`)).toBe('error')
    expect(outcome('duration("-1500ms").toSeconds() == -1')).toBe(true)
    expect(outcome('datetime("1969-12-31T23:59:59Z").toDate() == datetime("1969-12-31")')).toBe(true)
  })

  test('what the parser refuses, and contexts that fail the whole call', () => {
    for (const text of ['1 < 2 < 3', '-----1 == 1', '{a:1,a:2} == {}', '"\\b" == ""', '"\\x80" == ""'])
      expect([text, parses(text)]).toEqual([text, false])
    expect(() => policyOf('@a("1") @a("2") permit (principal, action, resource);')).toThrow()
    expect(() => readContext('{"a": null}')).toThrow('null')
    expect(() => readContext('{"a": 1.5}')).toThrow('no integer')
    const context = { x: { __entity: uid('U', 'a'), y: 1 } }
    expect(outcome('context.x.y == 1', { context })).toBe(true)
  })

  test('the same entity twice, its own parent, parents that are named only', () => {
    const [a, g, top] = [uid('U', 'a'), uid('G', 'g'), uid('G', 'top')]
    const twice = (second: object) => entityStore(readEntities(JSON.stringify([entity(a, { x: 1 }, [g]), second])))
    expect(twice(entity(a, { x: 1 }, [g]))(a)?.ancestors.list).toEqual([g])
    expect(() => twice(entity(a, { x: 2 }, [g]))).toThrow('given twice')
    expect(() => twice(entity(a, { x: 1 }, []))).toThrow('given twice')
    expect(() => entityStore(readEntities(JSON.stringify([entity(a, {}, [a])])))).toThrow('cycle')
    const entities = [entity(a, {}, [g]), entity(g, {}, [top])]
    expect(outcome('principal in G::"top" && !(G::"top" in principal)', { entities })).toBe(true)
  })

  test('the schema adds the action groups, and reads values without escapes', () => {
    const schema =
      'entity U; action grp; action do in [grp] appliesTo { principal: U, resource: U, context: { ip?: ipaddr } };'
    expect(outcome('action in Action::"grp"')).toBe(false)
    expect(outcome('action in Action::"grp"', { schema })).toBe(true)
    const policy = 'permit (principal, action in Action::"grp", resource);'
    expect(answer(policy).decision).toBe('deny')
    expect(answer(policy, { schema }).decision).toBe('allow')
    const context = { ip: '1.2.3.4' }
    expect(outcome('context.ip.isIpv4()', { context })).toBe('error')
    expect(outcome('context.ip.isIpv4()', { context, schema })).toBe(true)
    const wrong = JSON.stringify([entity(uid('Action', 'do'), {}, [])])
    expect(() => entityStore(readEntities(wrong, schemaOf(schema)), schemaOf(schema))).toThrow('differs')
  })

  test('policies are named by what is given, not by position or annotation', () => {
    const policy = policyOf('@id("annotated") permit (principal, action, resource);')
    const request = { principal: uid('U', 'a'), action: uid('A', 'a'), resource: uid('U', 'a'), context: new Map() }
    expect(compile([{ id: 'given', policy }]).evaluate(request, () => undefined).permits).toEqual(['given'])
  })

  test('a long that JavaScript cannot carry is refused, unless the text was written for it', () => {
    const text = 'permit (principal, action, resource) when { context.n == 9007199254740993 };'
    expect(outcome('- 9223372036854775808 + 1 == -9223372036854775807')).toBe(true)
    expect(withExactLongs(text)).not.toBe(text)
    const lossy = policyOf('permit (principal, action, resource);')
    const conditions = [{ kind: 'when' as const, body: { '==': { left: { Value: 2 ** 53 }, right: { Value: 1 } } } }]
    expect(() => compile([{ id: 'p', policy: { ...lossy, conditions } }])).toThrow(CannotCompile)
    expect(withExactLongs('"9007199254740993" // 9007199254740993\n a9007199254740993')).toBe(
      '"9007199254740993" // 9007199254740993\n a9007199254740993',
    )
    expect(withExactLongs('1 -9223372036854775808')).toBe('1 -9223372036854775808')
  })
})
