/** From expressions to closures, one for each expression, made when first asked for. */
import type { Expression } from './expression.ts'
import { callExtension, extensionFunction, type Problem } from './extension/functions.ts'
import {
  type Evaluate,
  entityOf,
  Failure,
  type Frame,
  NO_BOOLEAN,
  NO_ENTITY,
  NO_LONG,
  NO_RECORD,
  NO_SET,
  NO_STRING,
  OVERFLOW,
  UNKNOWN_ENTITY,
  wanted,
} from './frame.ts'
import { matches } from './like.ts'
import { isLong, negate } from './long.ts'
import { binary, equality, membership } from './operators.ts'
import { CedarSet, isRecord, isUid, type Value } from './value.ts'

type Of<Op extends Expression['op']> = Extract<Expression, { op: Op }>

export function closures(): (expression: Expression) => Evaluate {
  const made = new Map<number, Evaluate>()
  const closureOf = (expression: Expression): Evaluate => {
    const found = made.get(expression.id)
    if (found) return found
    const closure = make(expression, closureOf)
    made.set(expression.id, closure)
    return closure
  }
  return closureOf
}

function make(expression: Expression, closureOf: (expression: Expression) => Evaluate): Evaluate {
  switch (expression.op) {
    case 'value': {
      const { value } = expression
      return () => value
    }
    case 'failure': {
      const failure = new Failure(expression.message)
      return () => failure
    }
    case 'variable':
      return variable(expression.name)
    case 'attribute':
      return attribute(expression, closureOf(expression.of))
    case 'has':
      return has(expression, closureOf(expression.of))
    case 'not': {
      const of = closureOf(expression.of)
      return (frame) => {
        const value = of(frame)
        return typeof value === 'boolean' ? !value : wanted(value, NO_BOOLEAN)
      }
    }
    case 'negate': {
      const of = closureOf(expression.of)
      return (frame) => {
        const value = of(frame)
        return isLong(value) ? (negate(value) ?? OVERFLOW) : wanted(value, NO_LONG)
      }
    }
    case 'isEmpty': {
      const of = closureOf(expression.of)
      return (frame) => {
        const value = of(frame)
        return value instanceof CedarSet ? value.size === 0 : wanted(value, NO_SET)
      }
    }
    case 'and':
      return and(closureOf(expression.left), closureOf(expression.right))
    case 'or':
      return or(closureOf(expression.left), closureOf(expression.right))
    case 'if':
      return choose(closureOf(expression.condition), closureOf(expression.whenTrue), closureOf(expression.whenFalse))
    case 'like': {
      const of = closureOf(expression.of)
      const { parts } = expression
      return (frame) => {
        const value = of(frame)
        return typeof value === 'string' ? matches(value, parts) : wanted(value, NO_STRING)
      }
    }
    case 'is': {
      const of = closureOf(expression.of)
      const { type } = expression
      return (frame) => {
        const value = of(frame)
        return isUid(value) ? value.type === type : wanted(value, NO_ENTITY)
      }
    }
    case 'set': {
      const elements = expression.elements.map(closureOf)
      return (frame) => {
        const values = evaluateAll(elements, frame)
        return values instanceof Failure ? values : new CedarSet(values)
      }
    }
    case 'record': {
      const elements = expression.elements.map(closureOf)
      const { names } = expression
      return (frame) => {
        const values = evaluateAll(elements, frame)
        if (values instanceof Failure) return values
        return new Map(names.map((name, index) => [name, values[index] as Value]))
      }
    }
    case 'call':
      return call(expression, expression.elements.map(closureOf))
    case 'equal':
      return equality(expression, closureOf)
    case 'in':
      return membership(expression, closureOf)
    case 'hasTag':
    case 'getTag':
      return tag(expression, closureOf(expression.left), closureOf(expression.right))
    default:
      return binary(expression.op, closureOf(expression.left), closureOf(expression.right))
  }
}

function variable(name: Of<'variable'>['name']): Evaluate {
  switch (name) {
    case 'principal':
      return (frame) => frame.principal
    case 'action':
      return (frame) => frame.action
    case 'resource':
      return (frame) => frame.resource
    case 'context':
      return (frame) => frame.context
  }
}

function attribute({ of, name }: Of<'attribute'>, left: Evaluate): Evaluate {
  const missing = new Failure(`the attribute ${JSON.stringify(name)} does not exist`)
  if (of.op === 'variable') {
    // The commonest cases, without the search for what the left side is.
    if (of.name === 'context') return (frame) => frame.context.get(name) ?? missing
    if (of.name === 'principal')
      return ({ principalEntity }) =>
        principalEntity ? (principalEntity.attributes.get(name) ?? missing) : UNKNOWN_ENTITY
    if (of.name === 'resource')
      return ({ resourceEntity }) =>
        resourceEntity ? (resourceEntity.attributes.get(name) ?? missing) : UNKNOWN_ENTITY
  }
  return (frame) => {
    const value = left(frame)
    if (isRecord(value)) return value.get(name) ?? missing
    if (!isUid(value)) return wanted(value, NO_RECORD)
    const entity = entityOf(frame, value)
    return entity ? (entity.attributes.get(name) ?? missing) : UNKNOWN_ENTITY
  }
}

function has({ name }: Of<'has'>, left: Evaluate): Evaluate {
  return (frame) => {
    const value = left(frame)
    if (isRecord(value)) return value.has(name)
    if (!isUid(value)) return wanted(value, NO_RECORD)
    return entityOf(frame, value)?.attributes.has(name) === true
  }
}

function tag({ op }: Of<'hasTag' | 'getTag'>, left: Evaluate, right: Evaluate): Evaluate {
  const missing = new Failure('the tag does not exist')
  return (frame) => {
    const uid = left(frame)
    if (!isUid(uid)) return wanted(uid, NO_ENTITY)
    const name = right(frame)
    if (typeof name !== 'string') return wanted(name, NO_STRING)
    const entity = entityOf(frame, uid)
    if (op === 'hasTag') return entity?.tags.has(name) === true
    return entity ? (entity.tags.get(name) ?? missing) : UNKNOWN_ENTITY
  }
}

function and(left: Evaluate, right: Evaluate): Evaluate {
  return (frame) => {
    const first = left(frame)
    if (first === false) return false
    if (first !== true) return wanted(first, NO_BOOLEAN)
    const second = right(frame)
    return typeof second === 'boolean' ? second : wanted(second, NO_BOOLEAN)
  }
}

function or(left: Evaluate, right: Evaluate): Evaluate {
  return (frame) => {
    const first = left(frame)
    if (first === true) return true
    if (first !== false) return wanted(first, NO_BOOLEAN)
    const second = right(frame)
    return typeof second === 'boolean' ? second : wanted(second, NO_BOOLEAN)
  }
}

function choose(condition: Evaluate, whenTrue: Evaluate, whenFalse: Evaluate): Evaluate {
  return (frame) => {
    const value = condition(frame)
    if (typeof value !== 'boolean') return wanted(value, NO_BOOLEAN)
    return value ? whenTrue(frame) : whenFalse(frame)
  }
}

function evaluateAll(elements: readonly Evaluate[], frame: Frame): Value[] | Failure {
  const values: Value[] = []
  for (const element of elements) {
    const value = element(frame)
    if (value instanceof Failure) return value
    values.push(value)
  }
  return values
}

function call({ name }: Of<'call'>, elements: readonly Evaluate[]): Evaluate {
  const failures = new Map<Problem, Failure>()
  const failed = (found: Problem): Failure => {
    let failure = failures.get(found)
    if (!failure) {
      failure = new Failure(`${name}: ${found.problem}`)
      failures.set(found, failure)
    }
    return failure
  }
  const known = extensionFunction(name)
  const apply = known?.arity === elements.length ? known.call : (args: readonly Value[]) => callExtension(name, args)
  return (frame) => {
    const values = evaluateAll(elements, frame)
    if (values instanceof Failure) return values
    const result = apply(values)
    return typeof result === 'object' && 'problem' in result ? failed(result) : result
  }
}
