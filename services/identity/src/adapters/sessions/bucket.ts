/** A key-value bucket that says in our words when it cannot be reached. */
import { createHash } from 'node:crypto'
import { unavailable } from '@credence/contracts/errors'
import type { Bus } from '@credence/shared/bus/connect'
import type { BUCKETS } from '@credence/shared/bus/streams'
import { JetStreamApiError } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import type { z } from 'zod'

export type Found<T> = { value: T; revision: number }
export type Bucket = Awaited<ReturnType<typeof openBucket>>

const WRONG_LAST_SEQUENCE = 10071

/** A key that says nothing to whoever reads the bucket. */
export const keyOf = (...parts: string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url')

export async function openBucket(bus: Bus, name: keyof typeof BUCKETS) {
  const bucket = await new Kvm(bus.js).open(name)
  const down = (error?: unknown) => unavailable('sessions_down', 'This cannot be looked up now. Try again.', error)
  const reached = async <T>(work: () => Promise<T>): Promise<T> => {
    if (!bus.connected()) throw down()
    return work().catch((error) => {
      throw down(error)
    })
  }
  return {
    find: async <T>(key: string, schema: z.ZodType<T>): Promise<Found<T> | undefined> => {
      const entry = await reached(() => bucket.get(key))
      if (entry?.operation !== 'PUT') return undefined
      return { value: schema.parse(entry.json()), revision: entry.revision }
    },
    /** @param revision the one that must still be there; 0: none @returns false when another writer was first */
    write: (key: string, value: unknown, revision?: number): Promise<boolean> =>
      reached(async () => {
        const expected = revision === undefined ? {} : { previousSeq: revision }
        return bucket.put(key, JSON.stringify(value), expected).then(() => true, lost)
      }),
    remove: (key: string, revision?: number): Promise<boolean> =>
      reached(async () => {
        const expected = revision === undefined ? {} : { previousSeq: revision }
        return bucket.delete(key, expected).then(() => true, lost)
      }),
  }
}

function lost(error: unknown): boolean {
  if (error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE) return false
  throw error
}
