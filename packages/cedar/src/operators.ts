/** Closures of the operators with two operands that are always both evaluated. */
import type { Expression } from './expression.ts'
import { less, lessOrEqual } from './extension/functions.ts'
import {
  type Evaluate,
  entityOf,
  Failure,
  type Frame,
  NO_ENTITIES,
  NO_ENTITY,
  NO_LONG,
  NO_SET,
  NOT_COMPARABLE,
  OVERFLOW,
  wanted,
} from './frame.ts'
import { add, isLong, type Long, multiply, subtract } from './long.ts'
import { CedarSet, type EntityUid, equal, isUid, sameUid, type Value } from './value.ts'

type Operands = { readonly left: Expression; readonly right: Expression }

export function equality({ left, right }: Operands, closureOf: (expression: Expression) => Evaluate): Evaluate {
  const [literal, other] = right.op === 'value' ? [right.value, left] : left.op === 'value' ? [left.value, right] : []
  if (literal !== undefined && other) {
    const of = closureOf(other)
    if (typeof literal !== 'object')
      return (frame) => {
        const value = of(frame)
        return value === literal || (value instanceof Failure ? value : false)
      }
    if (isUid(literal))
      return (frame) => {
        const value = of(frame)
        return isUid(value) ? sameUid(value, literal) : value instanceof Failure ? value : false
      }
  }
  const [first, second] = [closureOf(left), closureOf(right)]
  return (frame) => {
    const a = first(frame)
    if (a instanceof Failure) return a
    const b = second(frame)
    return b instanceof Failure ? b : equal(a, b)
  }
}

export function membership({ left, right }: Operands, closureOf: (expression: Expression) => Evaluate): Evaluate {
  const [first, second] = [closureOf(left), closureOf(right)]
  if (right.op === 'value' && isUid(right.value)) {
    const group = right.value
    return (frame) => {
      const uid = first(frame)
      return isUid(uid) ? isIn(frame, uid, group) : wanted(uid, NO_ENTITY)
    }
  }
  return (frame) => {
    const uid = first(frame)
    if (!isUid(uid)) return wanted(uid, NO_ENTITY)
    const groups = second(frame)
    if (isUid(groups)) return isIn(frame, uid, groups)
    // One element that is no entity is an error, even if another one matches.
    if (!(groups instanceof CedarSet) || !groups.holdsEntitiesOnly()) return wanted(groups, NO_ENTITIES)
    if (groups.has(uid)) return true
    const ancestors = entityOf(frame, uid)?.ancestors
    if (!ancestors) return false
    if (ancestors.list.length < groups.size) return ancestors.list.some((ancestor) => groups.has(ancestor))
    for (const [type, ids] of groups.entities) for (const id of ids) if (ancestors.has(type, id)) return true
    return false
  }
}

const isIn = (frame: Frame, uid: EntityUid, group: EntityUid): boolean =>
  sameUid(uid, group) || entityOf(frame, uid)?.ancestors.has(group.type, group.id) === true

type Operator = (left: Value, right: Value) => Value | Failure

const arithmetic =
  (apply: (left: Long, right: Long) => Long | undefined): Operator =>
  (left, right) =>
    isLong(left) && isLong(right) ? (apply(left, right) ?? OVERFLOW) : NO_LONG

const OPERATORS: Record<
  'less' | 'lessOrEqual' | 'add' | 'subtract' | 'multiply' | 'contains' | 'containsAll' | 'containsAny',
  Operator
> = {
  less: (left, right) => less(left, right) ?? NOT_COMPARABLE,
  lessOrEqual: (left, right) => lessOrEqual(left, right) ?? NOT_COMPARABLE,
  add: arithmetic(add),
  subtract: arithmetic(subtract),
  multiply: arithmetic(multiply),
  contains: (left, right) => (left instanceof CedarSet ? left.has(right) : NO_SET),
  containsAll: (left, right) => (left instanceof CedarSet && right instanceof CedarSet ? left.hasAll(right) : NO_SET),
  containsAny: (left, right) => (left instanceof CedarSet && right instanceof CedarSet ? left.hasAny(right) : NO_SET),
}

/** Both operands are evaluated, left first; either one's failure is the result. */
export function binary(name: keyof typeof OPERATORS, left: Evaluate, right: Evaluate): Evaluate {
  const operator = OPERATORS[name]
  return (frame) => {
    const first = left(frame)
    if (first instanceof Failure) return first
    const second = right(frame)
    return second instanceof Failure ? second : operator(first, second)
  }
}
