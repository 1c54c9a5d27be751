/** One program for each request environment (action, principal type, resource type) that a schema allows. */

import type { Ancestors, KnownEntity } from './entity.ts'
import { childrenOf, type Expression, neverFails, type Shape } from './expression.ts'
import type { Expressions } from './expressions.ts'
import type { IndexTree, Node } from './index-tree.ts'
import { LIMITS } from './limits.ts'
import type { Rule } from './read-policy.ts'
import type { Schema } from './schema.ts'
import { UidMap } from './uid-map.ts'
import { CedarSet, type EntityUid, isUid, sameUid } from './value.ts'

type Environment = { principal: string; action: EntityUid; groups: Ancestors; resource: string }

/** Of one action: its entity, and a program for each pair of types that the schema allows with it. */
export type ActionPrograms = {
  entity: KnownEntity
  /** The general program where the schema has no such environment, or the limits are reached. */
  programFor: (principalType: string, resourceType: string) => Node
}

/** Programs are made when first asked for, and kept. */
export function environmentPrograms(
  rules: readonly Rule[],
  general: Node,
  { build, index }: { build: Expressions; index: IndexTree },
  schema: Schema,
): UidMap<ActionPrograms> {
  let environments = 0
  let filed = 0
  const candidatesOf = byAction(rules)
  const specialise = (environment: Environment): Node | undefined => {
    if (environments >= LIMITS.environments || filed >= LIMITS.environmentPolicies) return undefined
    const simplify = simplifier(build, environment)
    const remaining: { index: number; tests: Expression[] }[] = []
    for (const index of candidatesOf(environment)) {
      const tests = remainingTests(rules[index]?.tests ?? [], simplify)
      if (tests) remaining.push({ index, tests })
    }
    environments++
    filed += remaining.length
    return index(remaining)
  }

  const programs = new UidMap<ActionPrograms>()
  for (const { entity, principalTypes, resourceTypes } of schema.actions.values()) {
    const made = new Map<string, Map<string, Node>>()
    const make = (principal: string, resource: string): Node => {
      if (!principalTypes.has(principal) || !resourceTypes.has(resource)) return general
      const program = specialise({ principal, action: entity.uid, groups: entity.ancestors, resource })
      if (!program) return general
      const byResource = made.get(principal)
      if (byResource) byResource.set(resource, program)
      else made.set(principal, new Map([[resource, program]]))
      return program
    }
    programs.set(entity.uid, {
      entity,
      programFor: (principal, resource) => made.get(principal)?.get(resource) ?? make(principal, resource),
    })
  }
  return programs
}

/**
 * Rules by the actions that their scope names: a program for one of thousands of actions is made of those that concern it,
 * and not by looking at all. Only rules whose other tests would be false for sure are left out.
 * @returns their indexes, in order
 */
function byAction(rules: readonly Rule[]): (environment: Environment) => number[] {
  const equal = new UidMap<number[]>()
  const within = new UidMap<number[]>()
  const open: number[] = []
  const file = (map: UidMap<number[]>, uid: EntityUid, index: number) => {
    const known = map.get(uid)
    if (known) known.push(index)
    else map.set(uid, [index])
  }
  for (const [index, { tests }] of rules.entries()) {
    const named = actionsNamed(tests)
    if (!named) open.push(index)
    else for (const uid of named.uids) file(named.exactly ? equal : within, uid, index)
  }
  return ({ action, groups }) => {
    const found = new Set([...open, ...(equal.get(action) ?? []), ...(within.get(action) ?? [])])
    for (const group of groups.list) for (const index of within.get(group) ?? []) found.add(index)
    return [...found].sort((left, right) => left - right)
  }
}

/** The actions of a test that is reached before any that could fail; undefined when there is none. */
function actionsNamed(tests: readonly Expression[]): { exactly: boolean; uids: EntityUid[] } | undefined {
  for (const test of tests) {
    if (test.op === 'equal' && test.left.op === 'variable' && test.left.name === 'action' && test.right.op === 'value')
      return isUid(test.right.value) ? { exactly: true, uids: [test.right.value] } : undefined
    if (test.op === 'in' && test.left.op === 'variable' && test.left.name === 'action' && test.right.op === 'value') {
      const { value } = test.right
      const uids = isUid(value) ? [value] : value instanceof CedarSet ? [...value].filter(isUid) : []
      const all = value instanceof CedarSet ? uids.length === [...value].length : isUid(value)
      return all ? { exactly: false, uids } : undefined
    }
    if (!neverFails(test)) return undefined
  }
  return undefined
}

/** Tests that the environment leaves open; undefined when one that is always reached is false. */
function remainingTests(
  tests: readonly Expression[],
  simplify: (expression: Expression) => Expression,
): Expression[] | undefined {
  const remaining: Expression[] = []
  for (const test of tests) {
    const simple = simplify(test)
    if (simple.op === 'value' && simple.value === true) continue
    // A failure before it would come first: then the false test stays where it is.
    if (simple.op === 'value' && simple.value === false && remaining.every(neverFails)) return undefined
    remaining.push(simple)
    if (simple.op === 'value' || simple.op === 'failure') break
  }
  return remaining
}

function simplifier(build: Expressions, environment: Environment): (expression: Expression) => Expression {
  const done = new Map<number, Expression>()
  const simplify = (expression: Expression): Expression => {
    let result = done.get(expression.id)
    if (!result) {
      const known = answer(expression, environment)
      result = known === undefined ? rebuild(expression) : build.value(known)
      done.set(expression.id, result)
    }
    return result
  }
  const rebuild = (expression: Expression): Expression => {
    const children = childrenOf(expression)
    const simple = children.map(simplify)
    if (simple.every((child, index) => child === children[index])) return expression
    return build.make(withChildren(expression, simple))
  }
  return simplify
}

/** What the environment alone tells. */
function answer(expression: Expression, environment: Environment): boolean | undefined {
  switch (expression.op) {
    case 'is': {
      const { of } = expression
      if (of.op !== 'variable' || of.name === 'context') return undefined
      return (of.name === 'action' ? environment.action.type : environment[of.name]) === expression.type
    }
    case 'equal': {
      const { left, right } = expression
      const [variable, other] = left.op === 'variable' ? [left, right] : [right, left]
      if (variable.op !== 'variable' || other.op !== 'value' || !isUid(other.value)) return undefined
      if (variable.name === 'action') return sameUid(environment.action, other.value)
      return variable.name === 'context' || environment[variable.name] !== other.value.type ? false : undefined
    }
    case 'in': {
      const { left, right } = expression
      if (left.op !== 'variable' || left.name !== 'action' || right.op !== 'value') return undefined
      const groups = isUid(right.value) ? [right.value] : right.value instanceof CedarSet ? [...right.value] : undefined
      if (!groups?.every(isUid)) return undefined
      const { action, groups: ancestors } = environment
      return groups.some((group) => isUid(group) && (sameUid(group, action) || ancestors.has(group.type, group.id)))
    }
    default:
      return undefined
  }
}

function withChildren(expression: Expression, children: readonly Expression[]): Shape {
  const { id: _, ...shape } = expression
  const [first, second, third] = children as [Expression, Expression, Expression]
  switch (shape.op) {
    case 'value':
    case 'failure':
    case 'variable':
      return shape
    case 'if':
      return { ...shape, condition: first, whenTrue: second, whenFalse: third }
    case 'set':
    case 'record':
    case 'call':
      return { ...shape, elements: children }
    default:
      return 'left' in shape ? { ...shape, left: first, right: second } : { ...shape, of: first }
  }
}
