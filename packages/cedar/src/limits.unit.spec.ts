/** Bad input is decided as Cedar says or refused, in bounded time. */
import { describe, expect, test } from 'vitest'
import { CannotCompile, compile, type EntityUid, type PolicyJson } from './engine.ts'
import { type Entity, knownEntity } from './entity.ts'
import { entityStore } from './entity-store.ts'
import { LIMITS } from './limits.ts'
import { readContext, readEntities } from './read.ts'
import { policyOf, schemaOf, uid } from './testing/outcome.ts'

const noEntities = () => undefined
const REQUEST = { principal: uid('U', 'a'), action: uid('Action', 'do'), resource: uid('U', 'b'), context: new Map() }
const permitWhen = (condition: string) => policyOf(`permit (principal, action, resource) when { ${condition} };`)
const withBody = (body: object): PolicyJson => ({
  ...policyOf('permit (principal, action, resource);'),
  conditions: [{ kind: 'when', body }],
})

function within<T>(milliseconds: number, work: () => T): T {
  const started = performance.now()
  const result = work()
  expect(performance.now() - started).toBeLessThan(milliseconds)
  return result
}

describe('limits', () => {
  test('a chain of 10,000 ancestors is followed to its top', () => {
    const at = (index: number): EntityUid => uid('U', `${index}`)
    const chain: Entity[] = Array.from({ length: 10_000 }, (_, index) => ({
      uid: at(index),
      attributes: new Map(),
      parents: [at(index + 1)],
    }))
    const policies = [{ id: 'top', policy: policyOf('permit (principal in U::"10000", action, resource);') }]
    const request = { ...REQUEST, principal: at(0) }
    within(10_000, () => {
      const store = entityStore(chain)
      expect(compile(policies).evaluate(request, store).permits).toEqual(['top'])
      // More entries in sum than are kept: each look-up still answers.
      for (let index = 0; index < 150; index++) store(at(index))
      expect(store(at(149))?.ancestors.list.length).toBe(9_851)
      expect(store(at(5_000))?.ancestors.has('U', '10000')).toBe(true)
    })
    const cycle = [...chain, { uid: at(10_000), attributes: new Map(), parents: [at(0)] }]
    expect(() => within(5_000, () => entityStore(cycle))).toThrow('cycle')
  })

  test('many ancestors on both sides cost their sum, not their product', () => {
    const above = Array.from({ length: 10_000 }, (_, index) => uid('G', `${index}`))
    const entity = (of: EntityUid): Entity => ({ uid: of, attributes: new Map(), parents: above })
    const store = entityStore([entity(REQUEST.principal), entity(REQUEST.resource)])
    const policies = Array.from({ length: 500 }, (_, index) => ({
      id: `p${index}`,
      policy: policyOf(`permit (principal in G::"${index}", action, resource in G::"${index + 1}");`),
    }))
    const engine = compile(policies)
    within(1_000, () => expect(engine.evaluate(REQUEST, store).permits.length).toBe(500))
  })

  test('policies that name many groups on all sides are filed in bounded space', () => {
    const set = (type: string, from: number) =>
      `[${Array.from({ length: 30 }, (_, index) => `${type}::"${index + from}"`).join()}]`
    const policies = Array.from({ length: 100 }, (_, index) => ({
      id: `p${index}`,
      policy: policyOf(
        `permit (principal, action in ${set('Action', index)}, resource) when { principal in ${set('G', index)} && resource in ${set('G', index)} && ${set('G', index)}.contains(context.g) };`,
      ),
    }))
    const engine = within(3_000, () => compile(policies))
    const [action, group] = [uid('Action', '40'), uid('G', '40')]
    const request = { principal: group, action, resource: group, context: new Map([['g', group]]) }
    // Of G::"40": the policies 11 to 40.
    expect(engine.evaluate(request, noEntities).permits.length).toBe(30)
  })

  test('huge sets are compared by look-up, whatever they hold', () => {
    const many = (offset: number) =>
      Array.from({ length: 20_000 }, (_, index) => ({ a: [index + offset], b: `${index}` }))
    const context = readContext(JSON.stringify({ x: many(0), y: many(1) }))
    const policy = permitWhen(
      'context.x == context.y || context.x.containsAny(context.y) || context.x.containsAll(context.y)',
    )
    within(3_000, () =>
      expect(compile([{ id: 'p', policy }]).evaluate({ ...REQUEST, context }, noEntities).decision).toBe('deny'),
    )
  })

  test('policies that always fail are told, each once', () => {
    const policy = permitWhen('context.missing == "x"')
    const policies = Array.from({ length: 2_000 }, (_, index) => ({ id: `p${index}`, policy }))
    const { decision, errors } = within(2_000, () => compile(policies).evaluate(REQUEST, noEntities))
    expect(decision).toBe('deny')
    expect(errors.map(({ policy }) => policy)).toEqual(policies.map(({ id }) => id))
    expect(errors[0]?.message).toBe('the attribute "missing" does not exist')
  })

  test('a rule filed under several groups is told once', () => {
    const groups = [uid('G', '1'), uid('G', '2')]
    const store = entityStore([{ uid: REQUEST.principal, attributes: new Map(), parents: groups }])
    const bad = permitWhen('principal in [G::"1", G::"2"] && context.missing')
    const good = permitWhen('principal in [G::"1", G::"2"]')
    const policies = ['a', 'b', 'c', 'd'].map((id, index) => ({ id, policy: index % 2 === 0 ? good : bad }))
    const { permits, errors } = compile(policies).evaluate(REQUEST, store)
    expect({ permits, errors: errors.map(({ policy }) => policy) }).toEqual({ permits: ['a', 'c'], errors: ['b', 'd'] })
  })

  test('what the engine does not know, it refuses by policy and place', () => {
    const refused = (body: object) => {
      try {
        compile([{ id: 'p', policy: withBody(body) }])
      } catch (error) {
        if (error instanceof CannotCompile) return `${error.policy} ${error.expression}`
        throw error
      }
      return 'compiled'
    }
    expect(refused({ '==': { left: { Unknown: [] }, right: { Value: 1 } } })).toBe('p conditions[0].body.==.left')
    expect(refused({ Value: null })).toBe('p conditions[0].body.Value')
    expect(refused({ Value: 1.5 })).toBe('p conditions[0].body.Value')
    expect(refused({ Var: 'constructor' })).toBe('p conditions[0].body.Var')
    expect(refused({})).toBe('p conditions[0].body')
    expect(refused({ toString: [] })).toBe('p conditions[0].body')
    expect(refused({ like: { left: { Value: 'a' }, pattern: ['?'] } })).toBe('p conditions[0].body.like.pattern')
    const wide = { Set: Array.from({ length: LIMITS.expressionNodes }, () => ({ Value: 1 })) }
    expect(refused(wide)).toContain('p conditions[0].body.Set')
  })

  test('an evaluation inside an evaluation changes neither', () => {
    const policies = [
      { id: 'p', policy: permitWhen('U::"other".flag') },
      { id: 'q', policy: permitWhen('true') },
    ]
    const engine = compile(policies)
    const other = knownEntity(uid('U', 'other'), new Map([['flag', true]]))
    const { permits } = engine.evaluate(REQUEST, ({ id }) => {
      if (id !== 'other') return undefined
      expect(engine.evaluate(REQUEST, noEntities).permits).toEqual(['q'])
      return other
    })
    expect(permits).toEqual(['p', 'q'])
  })

  test('an environment that the schema does not have is decided by the general program', () => {
    const schema = schemaOf('entity U; entity V; action do appliesTo { principal: U, resource: U };')
    const policies = [
      { id: 'is', policy: policyOf('permit (principal is V, action, resource);') },
      { id: 'do', policy: policyOf('permit (principal, action == Action::"do", resource);') },
      { id: 'other', policy: policyOf('permit (principal, action == Action::"other", resource);') },
    ]
    const engine = compile(policies, schema)
    const permits = (principal: EntityUid, action: EntityUid) =>
      engine.evaluate({ ...REQUEST, principal, action }, noEntities).permits
    expect(permits(uid('U', 'a'), REQUEST.action)).toEqual(['do'])
    expect(permits(uid('V', 'a'), REQUEST.action)).toEqual(['is', 'do'])
    expect(permits(uid('Stranger', 'a'), uid('Action', 'other'))).toEqual(['other'])
  })

  test('entities that are not as the schema declares are refused', () => {
    const schema = schemaOf(
      'entity G; entity U in [G] = { "n": Long, "when"?: datetime } tags String; action do appliesTo { principal: U, resource: U };',
    )
    const read = (of: object) => () =>
      readEntities(JSON.stringify([{ uid: uid('U', 'a'), attrs: { n: 1 }, parents: [], ...of }]), schema)
    expect(read({})).not.toThrow()
    expect(read({ attrs: { n: 1, when: '2024-01-01' }, tags: { a: 'b' }, parents: [uid('G', 'g')] })).not.toThrow()
    expect(read({ attrs: {} })).toThrow('entities[0].attrs.n is missing')
    expect(read({ attrs: { n: '1' } })).toThrow('must be a long')
    expect(read({ attrs: { n: 1, m: 2 } })).toThrow('entities[0].attrs.m is an attribute that the schema does not have')
    expect(read({ attrs: { n: 1, when: 'never' } })).toThrow('datetime')
    expect(read({ tags: { a: 1 } })).toThrow('must be a string')
    expect(read({ parents: [uid('U', 'b')] })).toThrow('may not be of type U')
    expect(read({ uid: uid('X', 'a') })).toThrow('which the schema does not declare')
    expect(read({ extra: 1 })).toThrow('is no field of an entity')
  })
})
