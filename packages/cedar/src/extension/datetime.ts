/** Cedar's datetime (milliseconds since 1970-01-01T00:00:00Z) and duration (milliseconds), both 64-bit. */
import { add, type Long, modulo, parseLong, subtract, toLong, truncatingDivide } from '../long.ts'
import { Extension } from './extension.ts'

export class Datetime extends Extension {
  override readonly type = 'datetime'
  readonly milliseconds: Long

  constructor(milliseconds: Long) {
    super()
    this.milliseconds = milliseconds
  }

  override get key(): string {
    return `t${this.milliseconds};`
  }
}

export class Duration extends Extension {
  override readonly type = 'duration'
  readonly milliseconds: Long

  constructor(milliseconds: Long) {
    super()
    this.milliseconds = milliseconds
  }

  override get key(): string {
    return `u${this.milliseconds};`
  }
}

export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

const DATETIME =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))?(?:Z|([+-])([0-9]{2})([0-9]{2})))?$/
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** RFC 80's five forms: four-digit year, no leap second, no 24:00, offset below a day. Undefined for anything else. */
export function parseDatetime(text: string): Datetime | undefined {
  const found = DATETIME.exec(text)
  if (!found) return undefined
  const part = (index: number): number => Number(found[index] ?? 0)
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)]
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined
  if (hour > 23 || minute > 59 || second > 59) return undefined
  if (part(9) > 23 || part(10) > 59) return undefined
  const offset = (found[8] === '-' ? -1 : 1) * (part(9) * HOUR + part(10) * MINUTE)
  const time = hour * HOUR + minute * MINUTE + second * SECOND + part(7)
  return new Datetime(daysSinceEpoch(year, month, day) * DAY + time - offset)
}

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
const daysIn = (year: number, month: number): number =>
  month === 2 && isLeap(year) ? 29 : (MONTH_DAYS[month - 1] ?? 0)

/** Proleptic Gregorian calendar. `Date.UTC` is of no use: it takes the years 0 to 99 for 1900 to 1999. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  return date.getTime() / DAY
}

const DURATION = /^(-?)(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?$/
const UNITS = [DAY, HOUR, MINUTE, SECOND, 1]

/** Days, hours, minutes, seconds, milliseconds in that order, each at most once, at least one; undefined otherwise. */
export function parseDuration(text: string): Duration | undefined {
  const [, sign, ...amounts] = DURATION.exec(text) ?? []
  if (sign === undefined || amounts.every((amount) => amount === undefined)) return undefined
  let total = 0n
  for (const [index, unit] of UNITS.entries()) {
    // With its sign, since −2^63 ms is a duration and 2^63 ms is none.
    const amount = parseLong(`${sign}${amounts[index] ?? '0'}`)
    if (amount === undefined) return undefined
    total += BigInt(amount) * BigInt(unit)
  }
  const milliseconds = toLong(total)
  return milliseconds === undefined ? undefined : new Duration(milliseconds)
}

/** Undefined past 64 bits. */
export function offset(from: Datetime, by: Duration): Datetime | undefined {
  const result = add(from.milliseconds, by.milliseconds)
  return result === undefined ? undefined : new Datetime(result)
}

/** Undefined past 64 bits. */
export function durationSince(to: Datetime, from: Datetime): Duration | undefined {
  const result = subtract(to.milliseconds, from.milliseconds)
  return result === undefined ? undefined : new Duration(result)
}

/** The start of its day, rounding down before 1970 too; undefined past 64 bits. */
export function toDate(of: Datetime): Datetime | undefined {
  const result = subtract(of.milliseconds, modulo(of.milliseconds, DAY))
  return result === undefined ? undefined : new Datetime(result)
}

/** What has passed since the start of its day. */
export const toTime = (of: Datetime): Duration => new Duration(modulo(of.milliseconds, DAY))

/** Whole units, rounding toward zero. */
export const wholeUnits = (of: Duration, unit: number): Long => truncatingDivide(of.milliseconds, unit)
