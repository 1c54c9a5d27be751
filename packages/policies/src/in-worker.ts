/** Reads and checks text that nobody has checked yet, where it can do no harm: in a worker that may die, with a deadline. */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { unavailable } from '@credence/contracts/errors'
import type { ReadSource, Source } from './check.ts'
import type { Finding } from './policies.ts'

export type Task = { kind: 'check' | 'read' | 'texts'; source: Source }
export type Message =
  | { kind: 'policies'; policies: ReadSource['policies'] }
  | { kind: 'done'; findings: Finding[]; rest?: Omit<ReadSource, 'policies'> }

export type Outcome = { findings: Finding[]; read?: ReadSource }

/** Ten thousand policies take some 12 seconds of a core that has nothing else to do. */
export const CHECK_MS = 120_000
const MAX_WAITING = 8
/** Less stack than a main thread has: what passes in the worker cannot overflow the stack of the deciding process. */
const RESOURCES = { maxOldGenerationSizeMb: 1_024, stackSizeMb: 0.75 }
const BROKEN = 'is nested too deeply, or breaks the parser in another way'

const waiting = { check: 0, read: 0, texts: 0 }
const last: Record<Task['kind'], Promise<unknown>> = {
  check: Promise.resolve(),
  read: Promise.resolve(),
  texts: Promise.resolve(),
}

/**
 * Checks (`check`) or only reads (`read`; `texts`: with the text of each policy) what a version says. One of each kind at a time in a process: a check takes a
 * core for seconds.
 * @returns findings, and the version as data when none of them is an error
 * @throws CredenceError `unavailable` when too many wait already
 */
export async function inWorker(task: Task): Promise<Outcome> {
  const { kind } = task
  if (waiting[kind] >= MAX_WAITING)
    throw unavailable('checks_busy', 'Too many policies are being checked at the moment. Try again in a minute.')
  waiting[kind]++
  const turn = last[kind].then(() => run(task))
  last[kind] = turn.catch(() => undefined)
  return turn.finally(() => waiting[kind]--)
}

function run(task: Task): Promise<Outcome> {
  const extension = extname(import.meta.url)
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(`./worker${extension}`, import.meta.url), {
      workerData: task,
      resourceLimits: RESOURCES,
      // From source the packages are found as the services find them.
      ...(extension === '.ts' && {
        execArgv: ['--conditions=@credence/source', '--disable-warning=ExperimentalWarning'],
      }),
      stderr: true,
    })
    const policies: ReadSource['policies'] = []
    const finish = (outcome: Outcome) => {
      clearTimeout(timer)
      resolve(outcome)
      void worker.terminate()
    }
    const refuse = (message: string) =>
      finish({ findings: [{ severity: 'error', code: 'limit', policy: '', message }] })
    const timer = setTimeout(() => refuse(`takes longer than ${CHECK_MS / 1000} seconds to check`), CHECK_MS)
    worker.on('message', (message: Message) => {
      if (message.kind === 'policies') policies.push(...message.policies)
      else finish({ findings: message.findings, ...(message.rest && { read: { policies, ...message.rest } }) })
    })
    worker.once('error', (error) => {
      if (isBreakdown(error)) return refuse(BROKEN)
      clearTimeout(timer)
      reject(error)
    })
    worker.once('exit', () => refuse(BROKEN))
  })
}

/** What policy text can do to an engine: a trap in WebAssembly, the end of the stack, the end of the memory. */
const isBreakdown = (error: unknown): boolean =>
  error instanceof Error &&
  (['RuntimeError', 'RangeError'].includes(error.name) ||
    ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'))
