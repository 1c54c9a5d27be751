/** As many threads as cores, for large files; started when they are needed, ended when they rest. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { MeasureError } from '../measure-error.ts'
import type { FileDigest } from './digest-file.ts'

export type Told = { bytes: number } | { digested: FileDigest } | { failed: { code: string; message: string } }

export type Threads = {
  digest(path: string, onBytes?: (bytes: number) => void): Promise<FileDigest>
  close(): Promise<void>
}

type Job = {
  path: string
  onBytes: ((bytes: number) => void) | undefined
  resolve: (digest: FileDigest) => void
  reject: (error: Error) => void
}
type Thread = { worker: Worker; job?: Job | undefined; resting?: NodeJS.Timeout | undefined }

const REST_MS = 5_000
/** The same file ends in .ts where the sources run, in .js where they were built. */
const PROGRAM = new URL(`./worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

export function createThreads(most = availableParallelism()): Threads {
  const threads = new Set<Thread>()
  const waiting: Job[] = []

  function start(): Thread {
    const thread: Thread = { worker: new Worker(PROGRAM) }
    threads.add(thread)
    thread.worker.on('message', (told: Told) => {
      if ('bytes' in told) return thread.job?.onBytes?.(told.bytes)
      const { job } = thread
      thread.job = undefined
      if ('digested' in told) job?.resolve(told.digested)
      else job?.reject(new MeasureError(told.failed.code, told.failed.message))
      next(thread)
    })
    const gone = (error?: Error) => {
      threads.delete(thread)
      thread.job?.reject(error ?? new MeasureError('hashing_stopped', 'Hashing was stopped.'))
      thread.job = undefined
    }
    thread.worker.on('error', gone)
    thread.worker.on('exit', () => gone())
    return thread
  }

  function next(thread: Thread): void {
    const job = waiting.shift()
    clearTimeout(thread.resting)
    if (job) {
      thread.job = job
      thread.worker.ref()
      thread.worker.postMessage(job.path)
    } else {
      thread.worker.unref()
      thread.resting = setTimeout(() => void end(thread), REST_MS).unref()
    }
  }

  const end = async (thread: Thread): Promise<void> => {
    threads.delete(thread)
    clearTimeout(thread.resting)
    await thread.worker.terminate()
  }

  return {
    digest: (path, onBytes) =>
      new Promise((resolve, reject) => {
        waiting.push({ path, onBytes, resolve, reject })
        const free = [...threads].find(({ job }) => !job)
        if (free) next(free)
        else if (threads.size < most) next(start())
      }),
    close: async () => {
      for (const job of waiting.splice(0)) job.reject(new MeasureError('hashing_stopped', 'Hashing was stopped.'))
      await Promise.all([...threads].map(end))
    },
  }
}
