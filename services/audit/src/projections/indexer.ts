/** Follows TRAIL into the index, in batches, and says how far the index is. */
import type { Bus } from '@credence/shared/bus/connect'
import { type Follower, follow } from '@credence/shared/event-store/follow'
import { type Log, messageOf } from '@credence/shared/log'
import { decodeEntry } from '../domain/entry.ts'
import { type IndexedRecord, type IndexStore, toRecord } from './index-store.ts'

export type Indexer = {
  /** Records 0 … size − 1 are indexed. */
  size(): number
  /** Resolves when this place of an origin stream is indexed; false when it takes longer. */
  reached(origin: string, sequence: number, withinMs: number): Promise<boolean>
  /** Throws the index away and makes it anew. @returns the number of records */
  rebuild(): Promise<number>
  stop(): Promise<void>
}

const BATCH = 2_000
const FLUSH_MS = 20
const POLL_MS = 5

export async function startIndexer(options: {
  bus: Bus
  log: Log
  store: IndexStore
  onHalt: (error: Error) => void
}): Promise<Indexer> {
  const { bus, log, store, onHalt } = options
  let size = 0
  let positions: Record<string, number> = {}
  let batch: IndexedRecord[] = []
  let flushing: Promise<void> = Promise.resolve()
  let follower: Follower | undefined

  async function flush(): Promise<void> {
    const records = batch
    batch = []
    if (records.length === 0) return
    await store.insert(records)
    size += records.length
    for (const { row } of records) positions[row.origin] = row.origin_sequence
  }
  const flushSoon = () => {
    flushing = flushing.then(flush)
    flushing.catch((error) => onHalt(new Error(`index: ${messageOf(error)}`)))
    return flushing
  }
  const start = async () => {
    const state = await store.state()
    const { state: trail } = await bus.jsm.streams.info('TRAIL')
    if (state.size !== state.next || state.next > trail.last_seq) {
      log.warn('the index has a hole or is of another trail: it is made anew', { count: state.size, size: state.next })
      await store.clear()
    }
    ;({ size, positions } = await store.state())
    follower = await follow({ bus, log, stream: 'TRAIL', after: size, onHalt }, async (message) => {
      batch.push(toRecord(message.seq - 1, decodeEntry(message.data), message.data))
      if (batch.length >= BATCH) await flushSoon()
    })
  }
  await start()
  const timer = setInterval(() => {
    if (batch.length > 0) void flushSoon()
  }, FLUSH_MS)

  async function eventually(condition: () => boolean, withinMs: number): Promise<boolean> {
    const deadline = Date.now() + withinMs
    while (!condition()) {
      if (Date.now() > deadline) return false
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    return true
  }
  return {
    size: () => size,
    reached: (origin, sequence, withinMs) => eventually(() => (positions[origin] ?? 0) >= sequence, withinMs),
    rebuild: async () => {
      await follower?.stop()
      await flushing
      batch = []
      await store.clear()
      await start()
      const { state } = await bus.jsm.streams.info('TRAIL')
      await eventually(() => size >= state.last_seq, 600_000)
      return size
    },
    stop: async () => {
      clearInterval(timer)
      await follower?.stop()
      await flushSoon()
    },
  }
}
