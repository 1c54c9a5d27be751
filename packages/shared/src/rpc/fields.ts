/** Field schemas that several methods share, over messages as ts-proto decodes them. */

import { CredenceError, invalid } from '@credence/contracts/errors'
import { parsePosition } from '@credence/contracts/streams'
import { z } from 'zod'
import type { Follower } from '../event-store/follow.ts'

/** A whole number of seconds, at least one. */
export const seconds = (most: number) =>
  z
    .bigint()
    .refine((value) => value >= 1n && value <= BigInt(most), `must be from 1 to ${most} seconds`)
    .transform(Number)

/** An enum member other than UNSPECIFIED, in its short form: `AGENT_KIND_EPHEMERAL` → `ephemeral`. */
export const oneOf = <const Words extends readonly string[]>(prefix: string, words: Words) =>
  z
    .string()
    .transform((name) => name.replace(prefix, '').toLowerCase() as Words[number])
    .refine(
      (word) => words.includes(word),
      `must be one of ${words.map((word) => prefix + word.toUpperCase()).join(', ')}`,
    )

/** The other way: `ephemeral` → `AGENT_KIND_EPHEMERAL`. */
export const enumName = <E extends string>(prefix: string, word: string): E => `${prefix}${word.toUpperCase()}` as E

export const notBefore = z
  .array(z.string().refine((text) => parsePosition(text), 'must be like "IDENTITY:1234"'))
  .max(8)

const WITHIN_MS = 1_500

/** Waits until what a caller has seen is seen here as well. @throws CredenceError `unavailable` when it takes too long */
export async function waitFor(positions: readonly string[], followers: readonly Follower[]): Promise<void> {
  for (const text of positions) {
    const position = parsePosition(text)
    const follower = followers.find(({ stream }) => stream === position?.stream)
    if (!position || !follower) {
      const known = followers.map(({ stream }) => stream).join(', ')
      throw invalid('not_before', `names a stream that is not followed here; these are: ${known}`)
    }
    await follower.reached(position.sequence, WITHIN_MS)
  }
}

/** A message that a schema needs and proto3 lets a caller leave out. */
export const required = <T>(value: T | undefined, field: string): T => {
  if (value === undefined)
    throw new CredenceError('invalid_argument', 'invalid_field', `${field}: is missing`, [
      { field, description: 'is missing' },
    ])
  return value
}
