/** Choices that are the same again for the same seed, subject and input. */
import { createHash } from 'node:crypto'
import { random as numbers } from '@credence/cedar/testing/random'

export type Random = {
  /** A whole number from 0 up to, and without, `limit`. */
  below(limit: number): number
  chance(part: number): boolean
  pick<T>(from: readonly T[]): T
  bytes(length: number): Buffer
}

export function randomOf(seed: number, subject: string, input: number): Random {
  const digest = createHash('sha256').update(`${seed} ${subject} ${input}`).digest()
  const { below, chance, pick } = numbers(digest.readUInt32LE())
  return { below, chance, pick, bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))) }
}
