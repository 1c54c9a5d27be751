/** A version as data becomes one that can be asked. */
import { CannotCompile, compile } from '@credence/cedar/engine'
import { readSchema } from '@credence/cedar/schema'
import { readAnnotations } from './annotations.ts'
import type { ReadSource } from './check.ts'
import type { LoadedPolicies, Meaning, Verdict } from './policies.ts'
import { reachOf } from './reach.ts'
import { type Built, requestBuilder } from './request.ts'
import { evaluateByWasm, Inexact, WASM } from './wasm.ts'

/** Name and version of our engine, as records of decisions name it. */
export const ENGINE = 'credence-cedar 0.1.0'

export type Loaded = LoadedPolicies & {
  /** The whole schema in Cedar's own syntax. */
  schemaText: string
  /** Why cedar-wasm evaluates this version; absent when our engine does. */
  fallback?: string
}

const NOTHING: Meaning = { obligations: [], reliedSeconds: 0 }
const none = (misfits: NonNullable<Verdict['misfits']>): Verdict => ({
  permits: [],
  forbids: [],
  errors: [],
  erroredForbids: [],
  misfits,
})

/**
 * Compiles a version. What our engine does not know to run exactly is evaluated by cedar-wasm, and says so.
 * @throws Error when neither takes it
 */
export function load(version: string, read: ReadSource): Loaded {
  const schema = readSchema(read.schema)
  const build = requestBuilder(schema)
  const { engine, ask, fallback } = evaluatorOf(version, read, schema)
  const meanings = new Map<string, Meaning>()
  for (const { id, effect, json } of read.policies) {
    const { meaning } = readAnnotations(id, effect, json.annotations)
    if (meaning.approval || meaning.obligations.length > 0 || meaning.reliedSeconds > 0) meanings.set(id, meaning)
  }
  return {
    version,
    engine,
    actions: read.actions,
    mayPermit: reachOf(read.policies),
    schemaText: read.schemaText,
    ...(fallback !== undefined && { fallback }),
    meaningOf: (id) => meanings.get(id) ?? NOTHING,
    evaluate: (input) => {
      const built = build(input)
      return 'problem' in built ? none([built]) : ask(built)
    },
  }
}

type Evaluator = { engine: string; ask: (built: Built) => Verdict; fallback?: string }

function evaluatorOf(version: string, read: ReadSource, schema: ReturnType<typeof readSchema>): Evaluator {
  try {
    const policies = read.policies.map(({ id, json }) => ({ id, policy: json as never }))
    const engine = compile(policies, schema)
    const forbids = new Set(read.policies.filter(({ effect }) => effect === 'forbid').map(({ id }) => id))
    return {
      engine: ENGINE,
      ask: ({ request, entities }) => {
        const { permits, forbids: forbidden, errors } = engine.evaluate(request, entities)
        // Errors come from conditions, and those are only looked at where the scope fits.
        const failed = errors.map(({ policy }) => policy)
        return { permits, forbids: forbidden, errors: failed, erroredForbids: failed.filter((id) => forbids.has(id)) }
      },
    }
  } catch (error) {
    if (!(error instanceof CannotCompile)) throw error
    const ask = evaluateByWasm(version, read, schema)
    return {
      engine: WASM,
      fallback: error.message,
      ask: (built) => {
        try {
          return ask(built)
        } catch (failure) {
          if (!(failure instanceof Inexact)) throw failure
          return none([{ part: failure.part, problem: `holds an integer past 2^53, which ${WASM} cannot read` }])
        }
      },
    }
  }
}
