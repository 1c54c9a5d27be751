/**
 * Cedar expressions as a tree in which equal expressions are one object: what policies share is then found by identity,
 * compiled once and, in the index, evaluated once. Constants are folded as the tree is built.
 */
import { CedarSet, isUid, type Value } from './value.ts'

export type Variable = 'principal' | 'action' | 'resource' | 'context'
export type UnaryOperator = 'not' | 'negate' | 'isEmpty'
export type BinaryOperator =
  | 'equal'
  | 'in'
  | 'less'
  | 'lessOrEqual'
  | 'add'
  | 'subtract'
  | 'multiply'
  | 'contains'
  | 'containsAll'
  | 'containsAny'
  | 'hasTag'
  | 'getTag'

type Each<Op extends string, Fields> = Op extends string ? { readonly op: Op } & Fields : never

/** `id` is unique within one `Expressions`. */
export type Expression = { readonly id: number } & (
  | { readonly op: 'value'; readonly value: Value }
  | { readonly op: 'failure'; readonly message: string }
  | { readonly op: 'variable'; readonly name: Variable }
  | Each<'attribute' | 'has', { readonly of: Expression; readonly name: string }>
  | Each<UnaryOperator, { readonly of: Expression }>
  | Each<BinaryOperator | 'and' | 'or', { readonly left: Expression; readonly right: Expression }>
  | { readonly op: 'if'; readonly condition: Expression; readonly whenTrue: Expression; readonly whenFalse: Expression }
  | { readonly op: 'like'; readonly of: Expression; readonly parts: readonly string[] }
  | { readonly op: 'is'; readonly of: Expression; readonly type: string }
  | { readonly op: 'set'; readonly elements: readonly Expression[] }
  | { readonly op: 'record'; readonly names: readonly string[]; readonly elements: readonly Expression[] }
  | { readonly op: 'call'; readonly name: string; readonly elements: readonly Expression[] }
)

/** Without the id: what a builder is given. */
export type Shape = Expression extends infer E ? (E extends { readonly id: number } ? Omit<E, 'id'> : never) : never

export const isConstant = (expression: Expression): expression is Expression & { op: 'value' | 'failure' } =>
  expression.op === 'value' || expression.op === 'failure'

/** Operators whose result, when they have one, is a boolean. */
const BOOLEAN = new Set<Expression['op']>([
  'has',
  'not',
  'isEmpty',
  'equal',
  'in',
  'less',
  'lessOrEqual',
  'contains',
  'containsAll',
  'containsAny',
  'hasTag',
  'and',
  'or',
  'like',
  'is',
])

export const isBoolean = (expression: Expression): boolean =>
  BOOLEAN.has(expression.op) || (expression.op === 'value' && typeof expression.value === 'boolean')

/** Children in the order in which they are evaluated; of `and`, `or` and `if` only the first always is. */
export function childrenOf(expression: Expression | Shape): readonly Expression[] {
  switch (expression.op) {
    case 'value':
    case 'failure':
    case 'variable':
      return []
    case 'if':
      return [expression.condition, expression.whenTrue, expression.whenFalse]
    case 'set':
    case 'record':
    case 'call':
      return expression.elements
    default:
      return 'left' in expression ? [expression.left, expression.right] : [expression.of]
  }
}

/**
 * Whether the expression has a boolean value in every request, whatever the entities and the context hold: such
 * tests can change places with each other, and never hide or cause an error.
 */
export function neverFails(expression: Expression): boolean {
  switch (expression.op) {
    case 'value':
      return typeof expression.value === 'boolean'
    case 'equal':
      return hasValue(expression.left) && hasValue(expression.right)
    case 'in':
      return isEntity(expression.left) && (isEntity(expression.right) || isSetOfEntities(expression.right))
    case 'is':
      return isEntity(expression.of)
    case 'has':
      return isEntity(expression.of) || isContext(expression.of)
    case 'hasTag':
      return isEntity(expression.left) && expression.right.op === 'value' && typeof expression.right.value === 'string'
    case 'contains':
      return isSet(expression.left) && hasValue(expression.right)
    case 'not':
      return neverFails(expression.of)
    case 'and':
    case 'or':
      return neverFails(expression.left) && neverFails(expression.right)
    case 'if':
      return [expression.condition, expression.whenTrue, expression.whenFalse].every(neverFails)
    default:
      return false
  }
}

const hasValue = (expression: Expression): boolean =>
  expression.op === 'value' || expression.op === 'variable' || neverFails(expression)
const isContext = (expression: Expression): boolean => expression.op === 'variable' && expression.name === 'context'
const isEntity = (expression: Expression): boolean =>
  (expression.op === 'variable' && expression.name !== 'context') ||
  (expression.op === 'value' && isUid(expression.value))
const isSet = (expression: Expression): boolean => expression.op === 'value' && expression.value instanceof CedarSet
const isSetOfEntities = (expression: Expression): boolean =>
  expression.op === 'value' && expression.value instanceof CedarSet && expression.value.holdsEntitiesOnly()
