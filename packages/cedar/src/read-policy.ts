/** From Cedar's JSON form of a policy to the tests it makes, in order: scope first, then each part of its conditions. */
import { CannotCompile } from './cannot-compile.ts'
import type { Expression } from './expression.ts'
import type { Expressions } from './expressions.ts'
import type { ActionScopeJson, Policy, ScopeJson, UidJson } from './policy-json.ts'
import { readExpression } from './read-expression.ts'
import { isTypeName } from './read-value.ts'
import { CedarSet, type EntityUid } from './value.ts'

/** Satisfied when all tests are true. A test that fails, or is no boolean, fails the policy if all before it are true. */
export type Rule = {
  id: string
  effect: 'permit' | 'forbid'
  tests: readonly Expression[]
}

/** @throws CannotCompile */
export function readPolicy({ id, policy, slots = {} }: Policy, build: Expressions): Rule {
  const refuse = (place: string, problem: string): never => {
    throw new CannotCompile(id, place, problem)
  }
  const { effect } = policy
  if (effect !== 'permit' && effect !== 'forbid') refuse('effect', 'must be permit or forbid')
  const used = new Set<string>()
  const bound = (of: { entity: UidJson } | { slot: string }, variable: string): Expression => {
    if ('entity' in of) return build.value(uid(of.entity, variable))
    // A slot stands for its own variable only.
    if (of.slot !== `?${variable}`) refuse(variable, `has the slot ${of.slot}`)
    if (!Object.hasOwn(slots, of.slot)) refuse(variable, `has the slot ${of.slot}, which nothing fills`)
    used.add(of.slot)
    return build.value(uid(slots[of.slot] as EntityUid, variable))
  }
  const uid = (json: UidJson, place: string): EntityUid => {
    const { type, id } = '__entity' in json ? json.__entity : json
    if (typeof type !== 'string' || typeof id !== 'string' || !isTypeName(type)) refuse(place, 'names no entity')
    return { type, id }
  }
  const scope = (of: ScopeJson, variable: 'principal' | 'resource'): Expression[] => {
    const left = build.make({ op: 'variable', name: variable })
    if (of.op === 'All') return []
    if (of.op === '==') return [build.make({ op: 'equal', left, right: bound(of, variable) })]
    if (of.op === 'in') return [build.make({ op: 'in', left, right: bound(of, variable) })]
    if (of.op !== 'is') return refuse(variable, 'has an operator that is not known')
    const is = build.make({ op: 'is', of: left, type: of.entity_type })
    return of.in ? [is, build.make({ op: 'in', left, right: bound(of.in, variable) })] : [is]
  }
  const actionScope = (of: ActionScopeJson): Expression[] => {
    const left = build.make({ op: 'variable', name: 'action' })
    if (of.op === 'All') return []
    if (of.op === '==') return [build.make({ op: 'equal', left, right: bound(of, 'action') })]
    if (of.op !== 'in') return refuse('action', 'has an operator that is not known')
    if ('entity' in of) return [build.make({ op: 'in', left, right: build.value(uid(of.entity, 'action')) })]
    const groups = new CedarSet(of.entities.map((entity) => uid(entity, 'action')))
    return [build.make({ op: 'in', left, right: build.value(groups) })]
  }

  const tests = [
    ...scope(policy.principal, 'principal'),
    ...actionScope(policy.action),
    ...scope(policy.resource, 'resource'),
  ]
  for (const slot of Object.keys(slots)) if (!used.has(slot)) refuse('slots', `fill ${slot}, which the policy lacks`)
  const size = { nodes: 0 }
  for (const [index, { kind, body }] of policy.conditions.entries()) {
    const place = `conditions[${index}]`
    const read = readExpression(body, build, { policy: id, place: `${place}.body`, size })
    if (kind === 'when') conjuncts(read, build, tests)
    else if (kind === 'unless') negatedConjuncts(read, build, tests)
    else refuse(place, 'must be when or unless')
  }
  return { id, effect, tests }
}

function conjuncts(expression: Expression, build: Expressions, into: Expression[]): void {
  if (expression.op === 'and') {
    conjuncts(expression.left, build, into)
    conjuncts(expression.right, build, into)
  } else if (expression.op === 'not') negatedConjuncts(expression.of, build, into)
  else into.push(expression)
}

/** `!(a || b)` is `!a && !b`, failures included: `b` is evaluated exactly when `a` is false. */
function negatedConjuncts(expression: Expression, build: Expressions, into: Expression[]): void {
  if (expression.op === 'or') {
    negatedConjuncts(expression.left, build, into)
    negatedConjuncts(expression.right, build, into)
  } else if (expression.op === 'not') conjuncts(expression.of, build, into)
  else into.push(build.make({ op: 'not', of: expression }))
}
