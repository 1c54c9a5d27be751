/** The Cedar engine: policy sets are checked in a worker that may die, and evaluated here from their parsed form. */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { getCedarSDKVersion, preparsePolicySet } from '@cedar-policy/cedar-wasm/nodejs'
import { invalid } from '@credence/contracts/errors'
import { sha256 } from '@credence/shared/digest'
import type { PolicySet } from '../../domain/policyset.ts'
import type { PolicyEngine } from '../../reactions/policies.ts'
import { ENGINE_FAILED, evaluate } from './evaluate.ts'
import { type Problem, parse } from './parse.ts'
import type { Checked } from './worker.ts'

export const ENGINE = `cedar-wasm ${getCedarSDKVersion()}`

const MAX_TEXT_BYTES = 40_000
const CHECK_MS = 4_000
/** Less than a main thread has: what passes in the worker cannot overflow the stack of the deciding process. */
const WORKER_LIMITS = { maxOldGenerationSizeMb: 256, stackSizeMb: 0.75 }

/** @throws CredenceError `invalid_argument` naming `cedar` and what is wrong with it */
export async function checkPolicies(text: string): Promise<PolicySet> {
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) throw invalid('cedar', `must be at most ${MAX_TEXT_BYTES} bytes`)
  const checked = await checkInWorker(text)
  if ('problem' in checked) throw invalid('cedar', checked.problem)
  const { schema, policyIds } = checked
  const version = sha256(JSON.stringify([schema, text, ENGINE]))
  return { version, cedar: text, schema, policy_ids: policyIds, engine: ENGINE }
}

function checkInWorker(text: string): Promise<Checked | Problem> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(`./worker${extname(import.meta.url)}`, import.meta.url), {
      workerData: text,
      resourceLimits: WORKER_LIMITS,
      stderr: true,
    })
    const finish = (checked: Checked | Problem) => {
      clearTimeout(timer)
      resolve(checked)
      void worker.terminate()
    }
    const timer = setTimeout(() => finish({ problem: 'takes too long to check' }), CHECK_MS)
    worker.once('message', finish)
    worker.once('error', (error) => {
      if (isBreakdown(error)) return finish({ problem: 'is nested too deeply, or breaks the parser in another way' })
      clearTimeout(timer)
      reject(error)
    })
    worker.once('exit', () => finish({ problem: 'breaks the parser' }))
  })
}

/** What policy text can do to an engine: a trap in WebAssembly, the end of the stack, the end of the memory. */
const isBreakdown = (error: unknown): boolean =>
  error instanceof Error &&
  (['RuntimeError', 'RangeError'].includes(error.name) ||
    ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'))

/** Loads policy sets that were checked before they were recorded. @param onBroken the engine must be started anew */
export function createCedar(onBroken: (error: Error) => void): PolicyEngine {
  return {
    engine: ENGINE,
    recheck: async (set) => {
      await checkPolicies(set.cedar)
    },
    load: (set) => {
      const parsed = parse(set.cedar)
      if ('problem' in parsed) throw new Error(`policy set ${set.version}: ${parsed.problem}`)
      const loaded = preparsePolicySet(set.version, { staticPolicies: parsed.policies })
      if (loaded.type === 'failure')
        throw new Error(`policy set ${set.version}: ${loaded.errors.map(({ message }) => message).join('; ')}`)
      return (question, agent, context) => {
        try {
          return evaluate(set.version, question, agent, context)
        } catch (error) {
          onBroken(error instanceof Error ? error : new Error(String(error)))
          return ENGINE_FAILED
        }
      }
    },
  }
}
