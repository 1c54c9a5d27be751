/** One program for each request environment (action, principal type, resource type) that a schema allows. */

import { childrenOf, type Expression, neverFails, type Shape } from './expression.ts'
import type { Expressions } from './expressions.ts'
import type { Request } from './frame.ts'
import { indexTree, type Node } from './index-tree.ts'
import { LIMITS } from './limits.ts'
import type { Rule } from './read-policy.ts'
import type { Action, Schema } from './schema.ts'
import { UidMap } from './uid-map.ts'
import { CedarSet, type EntityUid, isUid, sameUid } from './value.ts'

type Environment = { principal: string; action: EntityUid; groups: Action['entity']['ancestors']; resource: string }

/** @returns the program of the request's environment; the general one where the schema has no such environment */
export function specialiser(
  rules: readonly Rule[],
  general: Node,
  build: Expressions,
  schema: Schema,
): (request: Request) => Node {
  const made = new UidMap<Map<string, Map<string, Node>>>()
  let environments = 0
  let filed = 0

  const specialise = ({ principal, action, resource }: Request): Node => {
    const declared = schema.actions.get(action)
    if (!declared?.principalTypes.has(principal.type) || !declared.resourceTypes.has(resource.type)) return general
    if (environments >= LIMITS.environments || filed >= LIMITS.environmentPolicies) return general
    const known = simplifier(build, {
      principal: principal.type,
      action: declared.entity.uid,
      groups: declared.entity.ancestors,
      resource: resource.type,
    })
    const remaining: { index: number; tests: Expression[] }[] = []
    for (const [index, rule] of rules.entries()) {
      const tests = remainingTests(rule.tests, known)
      if (tests) remaining.push({ index, tests })
    }
    const program = indexTree(remaining, build)
    environments++
    filed += remaining.length
    let byPrincipal = made.get(action)
    if (!byPrincipal) {
      byPrincipal = new Map()
      made.set(action, byPrincipal)
    }
    let byResource = byPrincipal.get(principal.type)
    if (!byResource) {
      byResource = new Map()
      byPrincipal.set(principal.type, byResource)
    }
    byResource.set(resource.type, program)
    return program
  }

  return (request) =>
    made.get(request.action)?.get(request.principal.type)?.get(request.resource.type) ?? specialise(request)
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
