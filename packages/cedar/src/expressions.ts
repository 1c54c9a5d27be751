/** Builds expressions: equal ones are one object, and what needs no request is worked out at once. */
import { closures } from './closures.ts'
import { noEntities } from './entity.ts'
import { childrenOf, type Expression, isBoolean, isConstant, type Shape } from './expression.ts'
import { type Evaluate, Failure, type Frame, NO_BOOLEAN } from './frame.ts'
import { keyOf, type Value } from './value.ts'

export type Expressions = {
  make: (shape: Shape) => Expression
  value: (value: Value) => Expression
  closureOf: (expression: Expression) => Evaluate
}

/** Constants are evaluated in a request that nothing of them can look at. */
const NO_UID = { type: '', id: '' }
const NO_REQUEST: Frame = {
  principal: NO_UID,
  action: NO_UID,
  resource: NO_UID,
  context: new Map(),
  principalEntity: undefined,
  actionEntity: undefined,
  resourceEntity: undefined,
  entities: noEntities,
  actions: undefined,
}

export function expressions(): Expressions {
  const known = new Map<string, Expression>()
  const closureOf = closures()

  const intern = (shape: Shape): Expression => {
    const key = keyOfShape(shape)
    let expression = known.get(key)
    if (!expression) {
      expression = { id: known.size, ...shape } as Expression
      known.set(key, expression)
    }
    return expression
  }
  const value = (of: Value) => intern({ op: 'value', value: of })
  const failure = (message: string) => intern({ op: 'failure', message })

  const fold = (expression: Expression): Expression => {
    const result = closureOf(expression)(NO_REQUEST)
    return result instanceof Failure ? failure(result.message) : value(result)
  }

  const make = (shape: Shape): Expression => {
    switch (shape.op) {
      case 'value':
      case 'failure':
      case 'variable':
        return intern(shape)
      case 'and':
      case 'or':
        return connective(shape.op, shape.left, shape.right)
      case 'if': {
        const { condition } = shape
        if (condition.op === 'failure') return condition
        if (condition.op !== 'value') return intern(shape)
        if (typeof condition.value !== 'boolean') return failure(NO_BOOLEAN.message)
        return condition.value ? shape.whenTrue : shape.whenFalse
      }
      default: {
        const children = childrenOf(shape)
        const reached = children.findIndex((child) => child.op !== 'value')
        const first = children[reached]
        // Entities are no constants: attributes, tags and ancestors are looked up in the request.
        if (reached < 0) return asksForEntities(shape) ? intern(shape) : fold(intern(shape))
        return first?.op === 'failure' ? first : intern(shape)
      }
    }
  }

  const connective = (op: 'and' | 'or', left: Expression, right: Expression): Expression => {
    if (left.op === 'failure') return left
    if (left.op !== 'value') return intern({ op, left, right })
    if (typeof left.value !== 'boolean') return failure(NO_BOOLEAN.message)
    if (left.value === (op === 'or')) return left
    // The result is the right side, which has to be a boolean.
    if (isBoolean(right) || right.op === 'failure') return right
    return isConstant(right) ? failure(NO_BOOLEAN.message) : intern({ op, left, right })
  }

  return { make, value, closureOf }
}

const asksForEntities = ({ op }: Shape): boolean => ['attribute', 'has', 'in', 'hasTag', 'getTag'].includes(op)

function keyOfShape(shape: Shape): string {
  const text = (value: string) => `${value.length}:${value}`
  const ids = childrenOf(shape)
    .map(({ id }) => id)
    .join()
  switch (shape.op) {
    case 'value':
      return `value ${keyOf(shape.value)}`
    case 'failure':
      return `failure ${shape.message}`
    case 'variable':
      return shape.name
    case 'attribute':
    case 'has':
    case 'call':
      return `${shape.op} ${ids} ${shape.name}`
    case 'is':
      return `is ${ids} ${shape.type}`
    case 'like':
      return `like ${ids} ${shape.parts.map(text).join('')}`
    case 'record':
      return `record ${ids} ${shape.names.map(text).join('')}`
    default:
      return `${shape.op} ${ids}`
  }
}
