/**
 * A pool of workers that verify evidence: what takes long keeps nobody else waiting, what does not end is ended, and what
 * breaks a parser breaks a worker.
 */
import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { unavailable } from '@credence/contracts/errors'
import { type Answer, READY, type Task } from './answer.ts'

export type Pool = {
  /**
   * @returns what the verifier says; `failed` when it broke, `timedOut` when it did not end in time
   * @throws CredenceError `unavailable` when too many wait already
   */
  run(task: Task): Promise<Outcome>
  stop(): Promise<void>
}

const RESOURCES = { maxOldGenerationSizeMb: 256, stackSizeMb: 2 }
const MAX_WAITING = 256
const SIZE = Math.max(2, Math.min(4, availableParallelism() - 1))

type Outcome = Answer | { timedOut: true }
type Job = { task: Task; resolve: (outcome: Outcome) => void }
/** A worker, and what it is at: undefined while it starts and while it has nothing to do. */
type Hand = { worker: Worker; finish?: (outcome: Outcome) => void; started: boolean }

/** @param options.withinMs how long one piece may take */
export function createPool(options: { script?: URL; size?: number; withinMs: number }): Pool {
  const extension = extname(import.meta.url)
  const { script = new URL(`./worker${extension}`, import.meta.url), size = SIZE, withinMs } = options
  const hands = new Set<Hand>()
  const idle: Hand[] = []
  const waiting: Job[] = []
  let stopped = false

  function open(): void {
    const worker = new Worker(script, {
      resourceLimits: RESOURCES,
      // From source the packages are found as the services find them.
      ...(extension === '.ts' && {
        execArgv: ['--conditions=@credence/source', '--disable-warning=ExperimentalWarning'],
      }),
      stderr: true,
    })
    worker.unref()
    const hand: Hand = { worker, started: false }
    hands.add(hand)
    worker.on('message', (answer: Answer | typeof READY) => {
      hand.started = true
      if (answer !== READY) hand.finish?.(answer)
      free(hand)
    })
    worker.on('error', (error) => lose(hand, { failed: error.message }))
    worker.on('exit', () => lose(hand, { failed: 'the worker ended' }))
  }
  function lose(hand: Hand, outcome: Outcome): void {
    if (!hands.delete(hand)) return
    void hand.worker.terminate()
    const at = idle.indexOf(hand)
    if (at >= 0) idle.splice(at, 1)
    hand.finish?.(outcome)
    // Where none starts, none will.
    if (!hand.started && hands.size === 0) for (const { resolve } of waiting.splice(0)) resolve(outcome)
    next()
  }
  function free(hand: Hand): void {
    idle.push(hand)
    next()
  }
  function next(): void {
    while (waiting.length > 0 && idle.length > 0) {
      const [job, hand] = [waiting.shift(), idle.pop()]
      if (job && hand) start(hand, job)
    }
    if (waiting.length > 0 && hands.size < size && !stopped) open()
  }
  function start(hand: Hand, { task, resolve }: Job): void {
    const timer = setTimeout(() => lose(hand, { timedOut: true }), withinMs)
    hand.finish = (outcome) => {
      clearTimeout(timer)
      delete hand.finish
      resolve(outcome)
    }
    hand.worker.postMessage(task)
  }
  // The first who comes does not wait for all of it to be loaded.
  open()
  return {
    run: async (task) => {
      if (stopped || waiting.length >= MAX_WAITING)
        throw unavailable('verifications_busy', 'Too much evidence is being verified at the moment. Try again.')
      return new Promise((resolve) => {
        waiting.push({ task, resolve })
        next()
      })
    },
    stop: async () => {
      stopped = true
      await Promise.all([...hands].map(({ worker }) => worker.terminate()))
    },
  }
}
