/**
 * Cedar's Long: a signed 64-bit integer, held as a JavaScript number while that is exact and as a BigInt otherwise.
 * There is one form for each value (a BigInt is always outside ±(2^53 − 1)), so `===` compares longs.
 */
export type Long = number | bigint

const MAX = 2n ** 63n - 1n
const MIN = -(2n ** 63n)

export const isLong = (value: unknown): value is Long => typeof value === 'number' || typeof value === 'bigint'

/** The one form of this integer; undefined when it does not fit into 64 bits. */
export function toLong(value: bigint): Long | undefined {
  if (value > MAX || value < MIN) return undefined
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

const DIGITS = /^-?[0-9]+$/
/** Longest spelling without leading zeros that can be in range. */
const MAX_DIGITS = 19

/** Reads decimal digits with an optional minus; undefined when it is no such text or does not fit into 64 bits. */
export function parseLong(text: string): Long | undefined {
  if (!DIGITS.test(text)) return undefined
  const negative = text.startsWith('-')
  let start = negative ? 1 : 0
  while (start < text.length - 1 && text[start] === '0') start++
  const digits = text.slice(start)
  if (digits.length > MAX_DIGITS) return undefined
  if (digits.length <= 15) return negative && digits !== '0' ? -Number(digits) : Number(digits)
  return toLong(negative ? -BigInt(digits) : BigInt(digits))
}

// Sum, difference and product of safe integers are exact whenever the result is a safe integer: only a result past
// that range can have been rounded, and it is then past 2^53 before and after. `+ 0` turns −0 into 0.
export function add(left: Long, right: Long): Long | undefined {
  if (typeof left === 'number' && typeof right === 'number') {
    const result = left + right
    if (Number.isSafeInteger(result)) return result
  }
  return toLong(BigInt(left) + BigInt(right))
}

export function subtract(left: Long, right: Long): Long | undefined {
  if (typeof left === 'number' && typeof right === 'number') {
    const result = left - right
    if (Number.isSafeInteger(result)) return result
  }
  return toLong(BigInt(left) - BigInt(right))
}

export function multiply(left: Long, right: Long): Long | undefined {
  if (typeof left === 'number' && typeof right === 'number') {
    const result = left * right
    if (Number.isSafeInteger(result)) return result + 0
  }
  return toLong(BigInt(left) * BigInt(right))
}

export const negate = (value: Long): Long | undefined => (typeof value === 'number' ? 0 - value : toLong(-value))

/** Quotient toward zero, as Rust's `/` and the durations' `toSeconds` have it. @param by positive, safe */
export function truncatingDivide(value: Long, by: number): Long {
  if (typeof value === 'number') return Math.trunc(value / by) + 0
  return toLong(value / BigInt(by)) as Long
}

/** Remainder in 0 ≤ r < by. @param by positive, safe */
export function modulo(value: Long, by: number): number {
  if (typeof value === 'number') {
    const rest = value % by
    return rest < 0 ? rest + by : rest + 0
  }
  const rest = Number(value % BigInt(by))
  return rest < 0 ? rest + by : rest
}
