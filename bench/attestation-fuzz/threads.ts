/** Threads that try all inputs. One that gets on no more is ended, what it was at counts as a hang, and the rest goes on. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { emptyTally, type Tally } from './trial.ts'
import type { Done, Order, Start } from './worker.ts'

const LOOK_MS = 1_000
/** On a busy machine a thread may have to wait for its turn; what takes 250 ms of a processor says so itself. */
const STUCK_LOOKS = 30

/** @returns what came of it, by subject @throws Error when a thread cannot begin */
export async function tryAll(orders: readonly Order[], seed: number): Promise<Map<string, Tally>> {
  const left = [...orders]
  const found = new Map<string, Tally>()
  const add = (name: string, tally: Tally) => found.set(name, together(found.get(name) ?? emptyTally(), tally))
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, () => thread(left, seed, add)))
  return found
}

async function thread(left: Order[], seed: number, add: (name: string, tally: Tally) => void): Promise<void> {
  let hand = await open(seed)
  for (let order = left.pop(); order; order = left.pop()) {
    const stuckAt = await hand.run(order, (tally) => add(order?.subject ?? '', tally))
    if (stuckAt === undefined) continue
    const lost = { ...emptyTally(), inputs: 1, hangs: [`${order.subject}#${stuckAt}: no end`] }
    add(order.subject, lost)
    // What was tried before it in this order is tried again: its tally went with the thread.
    if (order.from < stuckAt) left.push({ ...order, until: stuckAt })
    if (stuckAt + 1 < order.until) left.push({ ...order, from: stuckAt + 1 })
    hand = await open(seed)
  }
  await hand.close()
}

type Hand = {
  /** @returns the input at which it got stuck */
  run(order: Order, add: (tally: Tally) => void): Promise<number | undefined>
  close(): Promise<unknown>
}

async function open(seed: number): Promise<Hand> {
  const place = new SharedArrayBuffer(8)
  const at = new Int32Array(place)
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { seed, place } satisfies Start })
  const next = () =>
    new Promise<Done>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
  await next()
  return {
    run: async (order, add) => {
      const answer = next()
      worker.postMessage(order)
      const stuck = stuckAt(at)
      const done = await Promise.race([answer, stuck.found]).finally(stuck.stop)
      if (typeof done === 'number') {
        await worker.terminate()
        return done
      }
      if ('failed' in done) throw new Error(done.failed)
      add(done.tally)
      return undefined
    },
    close: () => worker.terminate(),
  }
}

function stuckAt(at: Int32Array): { found: Promise<number>; stop: () => void } {
  let before = -1
  let same = 0
  let timer: NodeJS.Timeout | undefined
  const found = new Promise<number>((resolve) => {
    timer = setInterval(() => {
      const tried = Atomics.load(at, 1)
      same = tried === before ? same + 1 : 0
      before = tried
      if (same >= STUCK_LOOKS) resolve(Atomics.load(at, 0))
    }, LOOK_MS)
  })
  return { found, stop: () => clearInterval(timer) }
}

function together(one: Tally, other: Tally): Tally {
  const refused = { ...one.refused }
  for (const [code, times] of Object.entries(other.refused)) refused[code] = (refused[code] ?? 0) + times
  return {
    inputs: one.inputs + other.inputs,
    read: one.read + other.read,
    refused,
    crashes: [...one.crashes, ...other.crashes],
    hangs: [...one.hangs, ...other.hangs],
    unexpected: [...one.unexpected, ...other.unexpected],
    unexplained: [...one.unexplained, ...other.unexplained],
  }
}
