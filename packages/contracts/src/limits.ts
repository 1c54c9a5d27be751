/**
 * Typed limits inside one authorization details object: how much, how often, on what arguments, when. All of them hold
 * together (a conjunction). A limit that the parent has and the child has not is wider.
 */
import { z } from 'zod'

export const Amount = z.strictObject({
  currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code, like "EUR"'),
  value: z.string().regex(/^\d{1,15}(\.\d{1,6})?$/, 'must be a decimal number, like "420.00"'),
})

/** One argument of the act, and what it must look like: exactly so, or with one star at its beginning or its end. */
const Pattern = z.strictObject({
  argument: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be the name of an argument, like "recipient"'),
  pattern: z
    .string()
    .max(256)
    .regex(/^(\*[^*\p{C}]+|[^*\p{C}]+\*?)$/u, 'must be exact, or have one star at its beginning or end'),
})
type Pattern = z.infer<typeof Pattern>

const Window = z
  .strictObject({ from: z.iso.datetime(), until: z.iso.datetime() })
  .refine(({ from, until }) => Date.parse(from) < Date.parse(until), 'must begin before it ends')

export const MAX_PATTERNS = 16

export const Limits = z
  .strictObject({
    /** The most that one act may move. */
    amount: Amount.optional(),
    /** How many acts there may be in all. Only who counts can know (policy); who does not, refuses. */
    count: z.int().min(1).max(1_000_000).optional(),
    /** Each must fit. */
    patterns: z.array(Pattern).max(MAX_PATTERNS).default([]),
    window: Window.optional(),
    /** The most that all acts may move together. Counted like `count`. */
    total: Amount.optional(),
  })
  .refine(
    ({ amount, count, patterns, window, total }) =>
      amount || count !== undefined || patterns.length > 0 || window || total,
    'must hold a limit, or be left out',
  )
  .refine(({ patterns }) => !areApart(patterns), 'must not hold two patterns that no argument can fit at once')
export type Limits = z.infer<typeof Limits>

/** What an act says of itself, for limits to be checked against. */
export type Measured = {
  amount?: { currency: string; value: string }
  arguments?: Record<string, string>
  /** What was done under this authority before; undefined when nobody counted. */
  used?: Used
  now?: Date
}

/** How often an authority was used, and how much was moved with it (in the currency of its total). */
export type Used = { count: number; total?: string }

/** Whether uses of it have to be counted. */
export const isCounted = (limits: Limits | undefined): boolean =>
  limits !== undefined && (limits.count !== undefined || limits.total !== undefined)

/** Sum of two decimal numbers, exact to six digits after the point. */
export function plus(a: string, b: string): string {
  const sum = scaled(a) + scaled(b)
  const digits = String(sum % UNIT)
    .padStart(SCALE, '0')
    .replace(/0+$/, '')
  return digits === '' ? String(sum / UNIT) : `${sum / UNIT}.${digits}`
}

const SCALE = 6
const UNIT = 10n ** BigInt(SCALE)
const scaled = (value: string): bigint => {
  const [whole = '0', fraction = ''] = value.split('.')
  return BigInt(whole + fraction.padEnd(SCALE, '0'))
}

const patternCovers = (parent: string, child: string): boolean => {
  if (parent === child) return true
  if (parent.endsWith('*')) return !child.startsWith('*') && child.startsWith(parent.slice(0, -1))
  return parent.startsWith('*') && !child.endsWith('*') && child.endsWith(parent.slice(1))
}

/** What fits the one never fits the other. A fixed beginning and a fixed end go together. */
const excludes = (a: Pattern, b: Pattern): boolean => {
  if (a.argument !== b.argument || patternCovers(a.pattern, b.pattern) || patternCovers(b.pattern, a.pattern))
    return false
  const [left, right] = [a.pattern, b.pattern]
  return !((left.startsWith('*') && right.endsWith('*')) || (left.endsWith('*') && right.startsWith('*')))
}

const areApart = (patterns: Pattern[]): boolean =>
  patterns.some((one) => patterns.some((other) => excludes(one, other)))

const coveredBy = (parent: Pattern, children: Pattern[]): boolean =>
  children.some(({ argument, pattern }) => argument === parent.argument && patternCovers(parent.pattern, pattern))

/** True when whatever fits `child` fits `parent`: absent in the parent is no limit, absent in the child alone is wider. */
export function limitsCover(parent: Limits | undefined, child: Limits | undefined): boolean {
  if (!parent) return true
  const { amount, count, patterns, window, total } = parent
  if (!amountCovers(amount, child?.amount) || !amountCovers(total, child?.total)) return false
  if (count !== undefined && (child?.count === undefined || child.count > count)) return false
  if (!patterns.every((pattern) => coveredBy(pattern, child?.patterns ?? []))) return false
  if (!window) return true
  return Boolean(
    child?.window &&
      Date.parse(child.window.from) >= Date.parse(window.from) &&
      Date.parse(child.window.until) <= Date.parse(window.until),
  )
}

const amountCovers = (parent: Limits['amount'], child: Limits['amount']): boolean =>
  !parent || (child?.currency === parent.currency && scaled(child.value) <= scaled(parent.value))

/** Limits that hold exactly where both hold; `nothing` when no act can fit both. */
export function meetLimits(a: Limits | undefined, b: Limits | undefined): Limits | undefined | 'nothing' {
  if (!a || !b) return a ?? b
  const amount = meetAmounts(a.amount, b.amount)
  const total = meetAmounts(a.total, b.total)
  const window = meetWindows(a.window, b.window)
  if (amount === 'nothing' || total === 'nothing' || window === 'nothing') return 'nothing'
  const counts = [a.count, b.count].filter((count) => count !== undefined)
  const patterns = distinct([...a.patterns, ...b.patterns])
  if (areApart(patterns)) return 'nothing'
  return {
    ...(amount ? { amount } : {}),
    ...(counts.length > 0 ? { count: Math.min(...counts) } : {}),
    patterns,
    ...(window ? { window } : {}),
    ...(total ? { total } : {}),
  }
}

/** Without those that another one implies. */
const distinct = (patterns: Pattern[]): Pattern[] =>
  patterns.filter(
    (one, index) =>
      !patterns.some(
        (other, at) => at !== index && coveredBy(one, [other]) && (at < index || !coveredBy(other, [one])),
      ),
  )

function meetAmounts(a: Limits['amount'], b: Limits['amount']): Limits['amount'] | 'nothing' {
  if (!a || !b) return a ?? b
  if (a.currency !== b.currency) return 'nothing'
  return scaled(a.value) <= scaled(b.value) ? a : b
}

function meetWindows(a: Limits['window'], b: Limits['window']): Limits['window'] | 'nothing' {
  if (!a || !b) return a ?? b
  const from = Date.parse(a.from) >= Date.parse(b.from) ? a.from : b.from
  const until = Date.parse(a.until) <= Date.parse(b.until) ? a.until : b.until
  return Date.parse(from) < Date.parse(until) ? { from, until } : 'nothing'
}

/** How an act stands to limits; what is known to fail counts before what is not known. */
export type Measure = 'fits' | 'outside_window' | 'limit_exceeded' | 'limit_unverifiable'

/** Measures an act. What nobody said of it (amount, argument, count, time) cannot be verified, and so does not fit. */
export function measure(limits: Limits | undefined, act: Measured): Measure {
  if (!limits) return 'fits'
  const { amount, count, patterns, window, total } = limits
  if (window && act.now && !(act.now >= new Date(window.from) && act.now < new Date(window.until)))
    return 'outside_window'
  const checks = patterns.map((pattern) => fits(pattern, act.arguments))
  if (amount) checks.push(act.amount && isAtMost(act.amount, amount))
  if (count !== undefined) checks.push(act.used && act.used.count < count)
  if (total) checks.push(act.used && act.amount && staysWithin(act.used, act.amount, total))
  if (checks.includes(false)) return 'limit_exceeded'
  return checks.includes(undefined) || (window && !act.now) ? 'limit_unverifiable' : 'fits'
}

/** Undefined when the argument is not told. A value that no pattern could be written for fits none. */
function fits({ argument, pattern }: Pattern, told: Measured['arguments'] = {}): boolean | undefined {
  const value = Object.hasOwn(told, argument) ? told[argument] : undefined
  return value === undefined ? undefined : !/[*\p{C}]/u.test(value) && patternCovers(pattern, value)
}

const staysWithin = (used: Used, told: NonNullable<Measured['amount']>, total: z.infer<typeof Amount>): boolean =>
  Amount.safeParse(told).success &&
  told.currency === total.currency &&
  scaled(used.total ?? '0') + scaled(told.value) <= scaled(total.value)

const isAtMost = (told: { currency: string; value: string }, most: z.infer<typeof Amount>): boolean =>
  Amount.safeParse(told).success && told.currency === most.currency && scaled(told.value) <= scaled(most.value)
