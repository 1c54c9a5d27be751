/**
 * Random expressions in Cedar's JSON form. Mostly well typed, so that evaluation gets deep; now and then not, so that
 * every operator meets operands of every type.
 */
import type { Random } from './random.ts'

export type Json = boolean | number | string | Json[] | { [key: string]: Json }
export type TypeName =
  | 'boolean'
  | 'long'
  | 'string'
  | 'entity'
  | 'strings'
  | 'entities'
  | 'record'
  | 'ipaddr'
  | 'decimal'
  | 'datetime'
  | 'duration'

export const TYPES: readonly TypeName[] = [
  'boolean',
  'long',
  'string',
  'entity',
  'strings',
  'entities',
  'record',
  'ipaddr',
  'decimal',
  'datetime',
  'duration',
]

/** The attribute of each type; entities, the context and records all have them. */
export const ATTRIBUTES: Record<TypeName, string> = {
  boolean: 'flag',
  long: 'count',
  string: '__proto__',
  entity: 'owner',
  strings: 'constructor',
  entities: 'readers',
  record: 'more',
  ipaddr: 'address',
  decimal: 'share',
  datetime: 'at',
  duration: 'for a while',
}

export const UIDS = ['User', 'Team', 'Ns::Doc'].flatMap((type) => ['a', 'b', 'c', '"\\ ☃'].map((id) => ({ type, id })))
export const ACTIONS = ['read', 'write', 'any', 'none'].map((id) => ({ type: 'Action', id }))
const STRINGS = ['', 'a', 'b', 'ab', 'a*b', 'aXbXc', 'é', 'e\u0301', '😀', 'line\nbreak', '\\', '"']
const LONGS = [0, 1, -1, 2, 3, 86_400_000, 2 ** 31, 2 ** 53 - 1, -(2 ** 53 - 1), 4_294_967_296]
export const EXTENSIONS = {
  ipaddr: {
    fn: 'ip',
    valid: [
      '1.2.3.4',
      '1.2.3.4/32',
      '1.2.3.0/24',
      '0.0.0.0/0',
      '127.0.0.1/7',
      '127.0.0.1',
      '::1',
      '::/0',
      'ff02::1',
      '2001:DB8::1/33',
      '224.0.0.1',
      '1:2:3:4:5:6:7::',
    ],
    invalid: [
      '',
      '1.2.3',
      '01.2.3.4',
      '1.2.3.4/33',
      '1.2.3.4/08',
      '::ffff:1.2.3.4',
      ':::',
      '::1%1',
      '1:2:3:4:5:6:7:8::',
      '1.2.3.256',
      'g::',
    ],
  },
  decimal: {
    fn: 'decimal',
    valid: ['0.0', '1.0', '1.00', '-0.5', '00001.0', '922337203685477.5807', '-922337203685477.5808', '-0.0', '0.0001'],
    invalid: ['', '1', '1.', '.5', '+1.0', '1.00000', '٣.٠', '922337203685477.5808', '1e2', ' 1.0'],
  },
  datetime: {
    fn: 'datetime',
    valid: [
      '1970-01-01',
      '1969-12-31T23:59:59Z',
      '2024-02-29',
      '2024-10-15T11:35:00.123Z',
      '2024-10-15T11:35:00-0000',
      '0000-01-01',
      '0099-03-01T00:00:00.001+2359',
      '9999-12-31T23:59:59.999-2359',
      '2024-10-15T00:00:00+0100',
    ],
    invalid: [
      '',
      '2023-02-29',
      '2024-13-01',
      '2024-02-30',
      '2024-10-15T24:00:00Z',
      '2024-10-15T23:59:60Z',
      '2024-10-15T11:35:00+2400',
      '2024-10-15T11:35:00+0060',
      '2024-10-15T11:35Z',
      '+012024-01-01',
      '2024-1-1',
      '2024-10-15T11:35:00.12Z',
      '2024-10-15T11:35:00',
    ],
  },
  duration: {
    fn: 'duration',
    valid: [
      '0ms',
      '1d',
      '-1d',
      '1d2h3m4s5ms',
      '-1500ms',
      '9223372036854775807ms',
      '-9223372036854775808ms',
      '106751991167d',
      '0d0ms',
      '007h',
    ],
    invalid: [
      '',
      '-',
      '1',
      'd',
      '1h1d',
      '1d1d',
      '1.5h',
      '+1h',
      '9223372036854775808ms',
      '106751991168d',
      '1 d',
      '-106751991168d',
    ],
  },
} as const
export type ExtensionName = keyof typeof EXTENSIONS

const PATTERNS: Json[][] = [
  ['Wildcard'],
  [],
  [{ Literal: 'a' }, 'Wildcard'],
  ['Wildcard', { Literal: 'b' }],
  [{ Literal: 'a' }, 'Wildcard', { Literal: 'b' }],
  [{ Literal: 'a' }, { Literal: '*' }, { Literal: 'b' }],
  ['Wildcard', { Literal: 'X' }, 'Wildcard', { Literal: 'X' }, 'Wildcard'],
  [{ Literal: '😀' }],
  ['Wildcard', { Literal: 'é' }],
  [{ Literal: 'a' }, 'Wildcard', 'Wildcard', { Literal: 'a' }],
]

const value = (of: Json): Json => ({ Value: of })
export const literalUid = (random: Random): Json => value({ __entity: random.pick(UIDS) })
const call = (fn: string, ...args: Json[]): Json => ({ [fn]: args })
const two = (operator: string, left: Json, right: Json): Json => ({ [operator]: { left, right } })

const choice = (test: Json, whenTrue: Json, whenFalse: Json): Json =>
  Object.fromEntries([
    ['if', test],
    ['then', whenTrue],
    ['else', whenFalse],
  ])

/** @param depth how many more levels it may have */
export function randomExpression(random: Random, type: TypeName, depth: number): Json {
  if (random.chance(0.03)) return randomExpression(random, random.pick(TYPES), depth - 1)
  if (depth <= 0) return leaf(random, type)
  const of = (wanted: TypeName) => randomExpression(random, wanted, depth - 1)
  const roll = random.next()
  if (roll < 0.15) return leaf(random, type)
  if (roll < 0.35) return attribute(random, type, of)
  if (roll < 0.42) return { 'if-then-else': choice(of('boolean'), of(type), of(type)) }
  if (roll < 0.45) return { getTag: { left: of('entity'), right: of('string') } }
  return operation(random, type, of)
}

function attribute(random: Random, type: TypeName, of: (type: TypeName) => Json): Json {
  const left = random.chance(0.7)
    ? { Var: random.pick(['principal', 'resource', 'context', 'context']) }
    : of(random.pick(['entity', 'record']))
  return { '.': { left, attr: ATTRIBUTES[type] } }
}

function leaf(random: Random, type: TypeName): Json {
  switch (type) {
    case 'boolean':
      return value(random.chance(0.5))
    case 'long':
      return value(random.pick(LONGS))
    case 'string':
      return value(random.pick(STRINGS))
    case 'entity':
      return random.chance(0.5) ? { Var: random.pick(['principal', 'action', 'resource']) } : literalUid(random)
    case 'strings':
      return { Set: random.many(3, () => value(random.pick(STRINGS))) }
    case 'entities':
      return { Set: random.many(3, () => literalUid(random)) }
    case 'record':
      return random.chance(0.5) ? { Var: 'context' } : { Record: {} }
    default: {
      const { fn, valid, invalid } = EXTENSIONS[type]
      return call(fn, value(random.pick<string>(random.chance(0.9) ? valid : invalid)))
    }
  }
}

function operation(random: Random, type: TypeName, of: (type: TypeName) => Json): Json {
  switch (type) {
    case 'boolean':
      return test(random, of)
    case 'long':
      return random.pick([
        () => two(random.pick(['+', '-', '*']), of('long'), of('long')),
        () => ({ neg: { arg: of('long') } }),
        () => call(random.pick(['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays']), of('duration')),
      ])()
    case 'strings':
      return { Set: random.many(3, () => of('string')) }
    case 'entities':
      return { Set: random.many(3, () => of('entity')) }
    case 'record':
      return { Record: recordOf(random, of) }
    case 'datetime':
      return random.chance(0.5) ? call('offset', of('datetime'), of('duration')) : call('toDate', of('datetime'))
    case 'duration':
      return random.chance(0.5) ? call('durationSince', of('datetime'), of('datetime')) : call('toTime', of('datetime'))
    default:
      return leaf(random, type)
  }
}

function recordOf(random: Random, of: (type: TypeName) => Json): { [key: string]: Json } {
  const members = random.many(3, () => random.pick(TYPES)).map((type) => [ATTRIBUTES[type], of(type)] as const)
  // fromEntries, unlike assignment, makes `__proto__` a member like any other.
  return Object.fromEntries(members)
}

function test(random: Random, of: (type: TypeName) => Json): Json {
  const type = random.pick(TYPES)
  const names = () => Object.values(ATTRIBUTES)
  const identifiers = () => names().filter((name) => /^\w+$/.test(name))
  return random.pick<() => Json>([
    () => two('&&', of('boolean'), of('boolean')),
    () => two('||', of('boolean'), of('boolean')),
    () => ({ '!': { arg: of('boolean') } }),
    () => two(random.pick(['==', '!=']), of(type), of(random.chance(0.9) ? type : random.pick(TYPES))),
    () => two('==', of('string'), leaf(random, 'string')),
    () => two(random.pick(['<', '<=', '>', '>=']), of('long'), of('long')),
    () => {
      const ordered = random.pick(['datetime', 'duration', 'decimal'] as const)
      return two(random.pick(['<', '<=', '>', '>=']), of(ordered), of(ordered))
    },
    () => two('in', of('entity'), random.chance(0.5) ? of('entity') : of('entities')),
    () => two('in', of('entity'), { Set: [of('entity'), of(random.chance(0.7) ? 'entity' : type)] }),
    () => two('contains', of('strings'), of('string')),
    () => two('contains', of('entities'), of('entity')),
    () => two('contains', { Set: random.many(3, () => of(type)) }, of(type)),
    () => two(random.pick(['containsAll', 'containsAny']), of('strings'), of('strings')),
    () => two(random.pick(['containsAll', 'containsAny']), of('entities'), of('entities')),
    () => ({ isEmpty: { arg: of(random.pick(['strings', 'entities'])) } }),
    () => ({ has: { left: of(random.pick(['entity', 'record'])), attr: random.pick(names()) } }),
    () => ({
      has: {
        left: of(random.pick(['entity', 'record'])),
        attr: [random.pick(['more', 'owner']), random.pick(identifiers()), random.pick(identifiers())].slice(
          0,
          1 + random.below(3),
        ),
      },
    }),
    () => two('hasTag', of('entity'), of('string')),
    () => ({ like: { left: of('string'), pattern: random.pick(PATTERNS) } }),
    () => ({ is: { left: of('entity'), entity_type: random.pick(['User', 'Team', 'Ns::Doc', 'Action']) } }),
    () => ({
      is: {
        left: of('entity'),
        entity_type: random.pick(['User', 'Team']),
        in: of(random.pick(['entity', 'entities'])),
      },
    }),
    () =>
      call(
        random.pick(['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual']),
        of('decimal'),
        of('decimal'),
      ),
    () => call(random.pick(['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast']), of('ipaddr')),
    () => call('isInRange', of('ipaddr'), of('ipaddr')),
  ])()
}
