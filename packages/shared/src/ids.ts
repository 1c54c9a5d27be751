/** Ids of everything: made here, since each decision needs two and the library takes eight times as long (ids.prop.spec.ts). */
import { randomFillSync } from 'node:crypto'

/** Crockford's base32, lower case, as TypeID 0.3 has it. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz'
/** Ten bits as two digits. */
const PAIRS = Array.from({ length: 1024 }, (_, bits) => `${DIGITS[bits >> 5]}${DIGITS[bits & 31]}`)
const pair = (bits: number): string => PAIRS[bits & 1023] as string

/** Random numbers of 16 bits, fetched for many ids at once. */
const pool = new Uint16Array(4_096)
let used = pool.length
function random(): number {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  return pool[used++] as number
}

let time = 0
/** The time as ten digits. */
let timeDigits = ''
let counter = 0

/**
 * A sortable id with a type prefix: `agt_` and a UUIDv7 (RFC 9562 §5.7) in base32 (TypeID 0.3). Behind its millisecond
 * stand a counter of 32 bits that begins anywhere in its lower half (§6.2, method 1), so that ids of one process are in
 * order, and 42 random bits.
 */
export function newId(prefix: string): string {
  const now = Date.now()
  // A clock that was set back does not take order away (§6.2).
  if (now > time) {
    time = now
    timeDigits = ''
    for (let shift = 40; shift >= 0; shift -= 10) timeDigits += pair(Math.floor(now / 2 ** shift))
    counter = random() * 0x8000 + (random() & 0x7fff)
  } else counter++
  const high = Math.floor(counter / 0x10_0000)
  const low = counter & 0xf_ffff
  return `${prefix}_${timeDigits}${pair((7 << 6) | (high >> 6))}${pair(((high & 63) << 4) | (2 << 2) | (low >> 18))}${pair(
    low >> 8,
  )}${pair(((low & 255) << 2) | (random() & 3))}${pair(random())}${pair(random())}${pair(random())}${pair(random())}`
}
