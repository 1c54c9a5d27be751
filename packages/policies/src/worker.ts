/** Runs in a worker: policy text can kill a cedar-wasm instance for good (150 nested parentheses do). */
import { parentPort, workerData } from 'node:worker_threads'
import { check, read } from './check.ts'
import type { Message, Task } from './in-worker.ts'

/** What is handed over at once is taken apart at once, on the thread that decides: so not too much of it. */
const POLICIES_AT_ONCE = 200

const { kind, source } = workerData as Task
const { findings, read: whole } = kind === 'check' ? check(source) : read(source, kind === 'texts')
const post = (message: Message) => parentPort?.postMessage(message)
if (whole) {
  const { policies, ...rest } = whole
  for (let start = 0; start < policies.length; start += POLICIES_AT_ONCE)
    post({ kind: 'policies', policies: policies.slice(start, start + POLICIES_AT_ONCE) })
  post({ kind: 'done', findings, rest })
} else post({ kind: 'done', findings })
