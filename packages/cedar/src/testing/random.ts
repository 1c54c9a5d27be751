/** Random numbers that a seed makes again (mulberry32), and choices made with them. */
export type Random = {
  /** 0 ≤ n < 1 */
  next(): number
  below(limit: number): number
  chance(part: number): boolean
  pick<T>(from: readonly T[]): T
  many<T>(most: number, make: () => T): T[]
}

export function random(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    next,
    below,
    chance: (part) => next() < part,
    pick: (from) => from[below(from.length)] as never,
    many: (most, make) => Array.from({ length: below(most + 1) }, make),
  }
}
