/**
 * Threads that try all inputs. One that gets on no more is ended, and what it was at counts as a hang; one that breaks counts
 * as a crash. The rest goes on.
 */
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { messageOf } from '@credence/shared/log'
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
    const { subject } = order
    const lost = await hand.run(order, (tally) => add(subject, tally))
    if (!lost) continue
    const { input, failure } = lost
    const name = `${subject}#${input}: ${failure ?? 'no end'}`
    add(subject, { ...emptyTally(), inputs: 1, [failure === undefined ? 'hangs' : 'crashes']: [name] })
    // What was tried before it in this order is tried again: its tally went with the thread.
    if (order.from < input) left.push({ ...order, until: input })
    if (input + 1 < order.until) left.push({ ...order, from: input + 1 })
    hand = await open(seed)
  }
  await hand.close()
}

/** The input that ended a thread. Without `failure` it got stuck there. */
type Lost = { input: number; failure?: string }
type Hand = {
  run(order: Order, add: (tally: Tally) => void): Promise<Lost | undefined>
  close(): Promise<unknown>
}

async function open(seed: number): Promise<Hand> {
  const place = new SharedArrayBuffer(8)
  const at = new Int32Array(place)
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { seed, place } satisfies Start })
  const next = async (): Promise<Done> => {
    // An error is thrown here as well.
    const [done] = (await once(worker, 'message')) as [Done]
    return done
  }
  await next()
  return {
    run: async (order, add) => {
      const answer = next().catch((error): Lost => ({ input: Atomics.load(at, 0), failure: messageOf(error) }))
      worker.postMessage(order)
      const stuck = stuckAt(at)
      const done = await Promise.race([answer, stuck.found]).finally(stuck.stop)
      if ('input' in done) {
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

function stuckAt(at: Int32Array): { found: Promise<Lost>; stop: () => void } {
  let before = -1
  let same = 0
  let timer: NodeJS.Timeout | undefined
  const found = new Promise<Lost>((resolve) => {
    timer = setInterval(() => {
      const tried = Atomics.load(at, 1)
      same = tried === before ? same + 1 : 0
      before = tried
      if (same >= STUCK_LOOKS) resolve({ input: Atomics.load(at, 0) })
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
