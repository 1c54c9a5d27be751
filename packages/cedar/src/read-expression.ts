/** One expression of Cedar's JSON form. Anything that is not known exactly is refused, never guessed. */
import { CannotCompile } from './cannot-compile.ts'
import type { BinaryOperator, Expression, Variable } from './expression.ts'
import type { Expressions } from './expressions.ts'
import { extensionFunction } from './extension/functions.ts'
import { InvalidInput, type Json } from './json.ts'
import { type PatternElement, partsOf } from './like.ts'
import { LIMITS } from './limits.ts'
import { toLong } from './long.ts'
import { isTypeName, readValue } from './read-value.ts'

const BINARY: Record<string, BinaryOperator | 'and' | 'or'> = {
  '==': 'equal',
  in: 'in',
  '<': 'less',
  '<=': 'lessOrEqual',
  '&&': 'and',
  '||': 'or',
  '+': 'add',
  '-': 'subtract',
  '*': 'multiply',
  contains: 'contains',
  containsAll: 'containsAll',
  containsAny: 'containsAny',
  hasTag: 'hasTag',
  getTag: 'getTag',
}
/** `a != b` is `!(a == b)`, `a > b` is `!(a <= b)`: as in Cedar's own parser. */
const NEGATED: Record<string, BinaryOperator> = { '!=': 'equal', '>': 'lessOrEqual', '>=': 'less' }
const VARIABLES = ['principal', 'action', 'resource', 'context']

type Members = Record<string, unknown>
type Reading = { policy: string; place: string; size: { nodes: number } }

/** @throws CannotCompile */
export function readExpression(json: unknown, build: Expressions, reading: Reading): Expression {
  return new ExpressionReader(build, reading.policy, reading.size).read(json, reading.place, 0)
}

class ExpressionReader {
  readonly #build: Expressions
  readonly #policy: string
  readonly #size: { nodes: number }

  constructor(build: Expressions, policy: string, size: { nodes: number }) {
    this.#build = build
    this.#policy = policy
    this.#size = size
  }

  read(json: unknown, place: string, depth: number): Expression {
    if (depth > LIMITS.expressionDepth) this.#refuse(place, `nests deeper than ${LIMITS.expressionDepth} levels`)
    if (++this.#size.nodes > LIMITS.expressionNodes)
      this.#refuse(place, `makes the policy larger than ${LIMITS.expressionNodes} nodes`)
    const [operator = '', ...more] = Object.keys(this.#members(json, place))
    if (more.length > 0) this.#refuse(place, 'must have one operator')
    const of = (json as Members)[operator]
    const at = `${place}.${operator}`
    const child = (name: string): Expression => this.read(this.#members(of, at)[name], `${at}.${name}`, depth + 1)
    const { make } = this.#build

    const binary = Object.hasOwn(BINARY, operator) ? BINARY[operator] : undefined
    if (binary) return make({ op: binary, left: child('left'), right: child('right') })
    const negated = Object.hasOwn(NEGATED, operator) ? NEGATED[operator] : undefined
    if (negated) return make({ op: 'not', of: make({ op: negated, left: child('left'), right: child('right') }) })
    switch (operator) {
      case 'Value':
        return this.#value(of, at)
      case 'Var':
        if (!VARIABLES.includes(of as string)) this.#refuse(at, 'is no variable')
        return make({ op: 'variable', name: of as Variable })
      case '!':
        return make({ op: 'not', of: child('arg') })
      case 'neg':
        return make({ op: 'negate', of: child('arg') })
      case 'isEmpty':
        return make({ op: 'isEmpty', of: child('arg') })
      case '.':
        return make({ op: 'attribute', of: child('left'), name: this.#text(of, 'attr', at) })
      case 'has':
        return this.#has(child('left'), (of as Members).attr, at)
      case 'like':
        return make({ op: 'like', of: child('left'), parts: partsOf(this.#pattern((of as Members).pattern, at)) })
      case 'is':
        return this.#is(child('left'), of as Members, at, depth)
      case 'if-then-else':
        return make({ op: 'if', condition: child('if'), whenTrue: child('then'), whenFalse: child('else') })
      case 'Set':
        return make({ op: 'set', elements: this.#list(of, at, depth) })
      case 'Record': {
        const members = Object.entries(this.#members(of, at))
        const elements = members.map(([name, value]) => this.read(value, `${at}.${name}`, depth + 1))
        return make({ op: 'record', names: members.map(([name]) => name), elements })
      }
      default:
        if (!extensionFunction(operator)) this.#refuse(place, `has the operator ${operator}, which is not known`)
        return make({ op: 'call', name: operator, elements: this.#list(of, at, depth) })
    }
  }

  #refuse(place: string, problem: string): never {
    throw new CannotCompile(this.#policy, place, problem)
  }

  #members(json: unknown, place: string): Members {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) this.#refuse(place, 'must be an object')
    return json as Members
  }

  #list(json: unknown, place: string, depth: number): Expression[] {
    if (!Array.isArray(json)) this.#refuse(place, 'must be an array')
    return (json as unknown[]).map((element, index) => this.read(element, `${place}[${index}]`, depth + 1))
  }

  #text(of: unknown, name: string, place: string): string {
    const text = (of as Members)[name]
    if (typeof text !== 'string') this.#refuse(`${place}.${name}`, 'must be a string')
    return text as string
  }

  #pattern(json: unknown, place: string): PatternElement[] {
    const valid =
      Array.isArray(json) &&
      json.every((element) => element === 'Wildcard' || typeof (element as Members | null)?.Literal === 'string')
    if (!valid) this.#refuse(`${place}.pattern`, 'is no pattern')
    return json as PatternElement[]
  }

  /** `e has a.b.c` is `e has a && e.a has b && e.a.b has c` (RFC 62). */
  #has(left: Expression, attr: unknown, place: string): Expression {
    const names = Array.isArray(attr) ? attr : [attr]
    if (names.length === 0 || !names.every((name) => typeof name === 'string'))
      this.#refuse(`${place}.attr`, 'must name attributes')
    if (names.length > LIMITS.expressionDepth) this.#refuse(`${place}.attr`, 'names too many attributes')
    const { make } = this.#build
    let of = left
    let result: Expression | undefined
    for (const name of names as string[]) {
      const has = make({ op: 'has', of, name })
      result = result ? make({ op: 'and', left: result, right: has }) : has
      of = make({ op: 'attribute', of, name })
    }
    return result as Expression
  }

  /** `e is T in g` is `e is T && e in g`. */
  #is(left: Expression, of: Members, place: string, depth: number): Expression {
    const type = this.#text(of, 'entity_type', place)
    if (!isTypeName(type)) this.#refuse(`${place}.entity_type`, 'is no name of a type')
    const { make } = this.#build
    const is = make({ op: 'is', of: left, type })
    if (of.in === undefined) return is
    const group = this.read(of.in, `${place}.in`, depth + 1)
    return make({ op: 'and', left: is, right: make({ op: 'in', left, right: group }) })
  }

  #value(json: unknown, place: string): Expression {
    try {
      return this.#build.value(readValue(this.#json(json, place, 0), place))
    } catch (error) {
      if (error instanceof InvalidInput) this.#refuse(place, error.message)
      throw error
    }
  }

  /** A number that is not exact has lost digits on its way through JavaScript: see exact-longs.ts. */
  #json(json: unknown, place: string, depth: number): Json {
    if (depth > LIMITS.jsonDepth) this.#refuse(place, 'nests too deeply')
    if (typeof json === 'boolean') return json
    if (typeof json === 'string') {
      if (!json.isWellFormed()) this.#refuse(place, 'has half of a surrogate pair')
      return json
    }
    if (typeof json === 'number' || typeof json === 'bigint') {
      if (typeof json === 'number' && !Number.isSafeInteger(json))
        this.#refuse(place, 'is a number outside ±(2^53 − 1), which JSON in JavaScript does not carry exactly')
      return toLong(BigInt(json)) ?? this.#refuse(place, 'does not fit into 64 bits')
    }
    if (Array.isArray(json)) return json.map((element, index) => this.#json(element, `${place}[${index}]`, depth + 1))
    const members = Object.entries(this.#members(json, place))
    return new Map(members.map(([name, value]) => [name, this.#json(value, `${place}.${name}`, depth + 1)]))
  }
}
