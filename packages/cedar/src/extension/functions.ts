/** Cedar's extension functions and methods by name. None throws: what cannot be done is told as a problem. */
import { isLong, type Long } from '../long.ts'
import type { Value } from '../value.ts'
import {
  DAY,
  Datetime,
  Duration,
  durationSince,
  HOUR,
  MINUTE,
  offset,
  parseDatetime,
  parseDuration,
  SECOND,
  toDate,
  toTime,
  wholeUnits,
} from './datetime.ts'
import { Decimal, parseDecimal } from './decimal.ts'
import { IpAddress, isInRange, isIpv4, isIpv6, isLoopback, isMulticast, parseIpAddress } from './ipaddress.ts'

export type Problem = { problem: string }
type Function = { arity: number; call: (args: readonly Value[]) => Value | Problem }

const problem = (text: string): Problem => ({ problem: text })
const TYPE = problem('an extension function was given a value of another type')
const RANGE = problem('the result does not fit into 64 bits')

const fromText = (parse: (text: string) => Value | undefined, type: string): Function => {
  const invalid = problem(`a string is no ${type}`)
  return { arity: 1, call: ([text]) => (typeof text === 'string' ? (parse(text) ?? invalid) : TYPE) }
}

type Class<T> = abstract new (...args: never[]) => T

const unary = <T>(of: Class<T>, apply: (value: T) => Value | undefined): Function => ({
  arity: 1,
  call: ([value]) => (value instanceof of ? (apply(value) ?? RANGE) : TYPE),
})

const binary = <A, B>(left: Class<A>, right: Class<B>, apply: (a: A, b: B) => Value | undefined): Function => ({
  arity: 2,
  call: ([a, b]) => (a instanceof left && b instanceof right ? (apply(a, b) ?? RANGE) : TYPE),
})

const comparison = (compare: (left: Long, right: Long) => boolean): Function =>
  binary(Decimal, Decimal, (left, right) => compare(left.tenThousandths, right.tenThousandths))

const units = (unit: number): Function => unary(Duration, (duration) => wholeUnits(duration, unit))

const FUNCTIONS = new Map<string, Function>(
  Object.entries({
    decimal: fromText(parseDecimal, 'decimal'),
    lessThan: comparison((left, right) => left < right),
    lessThanOrEqual: comparison((left, right) => left <= right),
    greaterThan: comparison((left, right) => left > right),
    greaterThanOrEqual: comparison((left, right) => left >= right),
    ip: fromText(parseIpAddress, 'IP address'),
    isIpv4: unary(IpAddress, isIpv4),
    isIpv6: unary(IpAddress, isIpv6),
    isLoopback: unary(IpAddress, isLoopback),
    isMulticast: unary(IpAddress, isMulticast),
    isInRange: binary(IpAddress, IpAddress, isInRange),
    datetime: fromText(parseDatetime, 'datetime'),
    duration: fromText(parseDuration, 'duration'),
    offset: binary(Datetime, Duration, offset),
    durationSince: binary(Datetime, Datetime, durationSince),
    toDate: unary(Datetime, toDate),
    toTime: unary(Datetime, toTime),
    toMilliseconds: units(1),
    toSeconds: units(SECOND),
    toMinutes: units(MINUTE),
    toHours: units(HOUR),
    toDays: units(DAY),
  }),
)

export const extensionFunction = (name: string): Function | undefined => FUNCTIONS.get(name)

/** One call; unknown names and wrong numbers of arguments are problems too. */
export function callExtension(name: string, args: readonly Value[]): Value | Problem {
  const found = FUNCTIONS.get(name)
  if (!found) return problem('an extension function is called that Cedar does not have')
  return found.arity === args.length
    ? found.call(args)
    : problem('an extension function has a wrong number of arguments')
}

/** Cedar's `<`: on longs, datetimes and durations, both of one type; undefined for everything else. */
export function less(left: Value, right: Value): boolean | undefined {
  if (isLong(left)) return isLong(right) ? left < right : undefined
  if (left instanceof Datetime) return right instanceof Datetime ? left.milliseconds < right.milliseconds : undefined
  if (left instanceof Duration) return right instanceof Duration ? left.milliseconds < right.milliseconds : undefined
  return undefined
}

/** Cedar's `<=`, as `less`. */
export function lessOrEqual(left: Value, right: Value): boolean | undefined {
  const greater = less(right, left)
  return greater === undefined ? undefined : !greater
}
