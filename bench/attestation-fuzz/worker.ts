/** A thread that tries inputs as it is told to. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Subject } from './subject.ts'
import { allSubjects } from './subjects/all.ts'
import { saidByGenuine, type Tally, tryInputs } from './trial.ts'

/** `place`: two numbers in shared memory: the input that is tried, and how many were. */
export type Start = { seed: number; place: SharedArrayBuffer }
export type Order = { subject: string; from: number; until: number }
export type Done = { tally: Tally } | { failed: string }

const { seed, place } = workerData as Start
const at = new Int32Array(place)
const subjects = new Map<string, { subject: Subject; genuine: Set<string> }>()
for (const subject of allSubjects()) subjects.set(subject.name, { subject, genuine: await saidByGenuine(subject) })

parentPort?.on('message', ({ subject: name, from, until }: Order) => {
  const { subject, genuine } = subjects.get(name) as { subject: Subject; genuine: Set<string> }
  const tell = (input: number) => {
    Atomics.store(at, 0, input)
    Atomics.add(at, 1, 1)
  }
  void tryInputs(subject, { seed, from, until, genuine, at: tell })
    .then((tally): Done => ({ tally }))
    .catch((error): Done => ({ failed: String(error) }))
    .then((done) => parentPort?.postMessage(done))
})
parentPort?.postMessage({ tally: undefined })
