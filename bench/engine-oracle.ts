/** Random cases decided by cedar-wasm and by this engine, in two worker threads; this file is also what those run. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { compare } from '@credence/cedar/testing/oracle'
import { random } from '@credence/cedar/testing/random'
import { randomCase } from '@credence/cedar/testing/random-case'

type Part = { evaluations: number; pairs: number; allowed: number; withErrors: number; disagreements: string[] }
type Task = { seed: number; evaluations: number }

const WORKERS = 2
const REQUESTS = 100

/** @param evaluations requests that both decide, at least */
export async function heldAgainstOracle(evaluations: number): Promise<Part & { seconds: number; seed: number }> {
  const seed = Date.now() % 1_000_000_000
  const started = performance.now()
  const parts = await Promise.all(
    Array.from({ length: WORKERS }, (_, index) =>
      inWorker({ seed: seed + index * 100_000_000, evaluations: Math.ceil(evaluations / WORKERS) }),
    ),
  )
  const total: Part = { evaluations: 0, pairs: 0, allowed: 0, withErrors: 0, disagreements: [] }
  for (const part of parts) add(total, part)
  return { ...total, seconds: (performance.now() - started) / 1_000, seed }
}

const inWorker = (task: Task): Promise<Part> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: task })
    worker.once('message', resolve)
    worker.once('error', reject)
    // A promise that is settled by then stays as it is.
    worker.once('exit', (code) => reject(new Error(`a worker ended with ${code} before its work did`)))
  })

function add(total: Part, part: Part): void {
  total.evaluations += part.evaluations
  total.pairs += part.pairs
  total.allowed += part.allowed
  total.withErrors += part.withErrors
  total.disagreements.push(...part.disagreements)
}

/** Small entities, since cedar-wasm reads them anew for each request; every fourth set with a schema. */
function work({ seed, evaluations }: Task): Part {
  const total: Part = { evaluations: 0, pairs: 0, allowed: 0, withErrors: 0, disagreements: [] }
  for (let index = 0; total.evaluations < evaluations; index++) {
    const of = randomCase(random(seed + index), {
      policies: 24,
      requests: REQUESTS,
      depth: 4,
      entities: 3,
      attributes: 0.2,
      withSchema: index % 4 === 0,
    })
    const result = compare(of)
    add(total, {
      ...result,
      pairs: result.evaluations * Object.keys(of.policies).length,
      disagreements: result.disagreements.map((difference) => `case of seed ${seed + index}: ${difference}`),
    })
    if (total.disagreements.length > 10) break
  }
  return total
}

if (!isMainThread) parentPort?.postMessage(work(workerData as Task))
