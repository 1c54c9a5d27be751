/** Loads the active policy set whenever it changes. Until it is loaded, and when it cannot be, decisions are deny. */
import { type Log, messageOf } from '@credence/shared/log'
import type { Evaluator } from '../domain/decision.ts'
import type { PolicySet } from '../domain/policyset.ts'
import type { World } from '../projections/world.ts'

export type PolicyLoader = {
  /** Version of what is loaded; empty while decisions have no policies. */
  version(): string
  evaluator(): Evaluator | undefined
  /** Loads what is active now: at once, except when another version of the engine checked it. */
  refresh(): Promise<void>
}

export type PolicyEngine = {
  /** Name and version. */
  engine: string
  /** For a set that another version of the engine checked. @throws CredenceError when this one cannot take it */
  recheck(set: PolicySet): Promise<void>
  /** For a set that was checked by this version. @throws Error when it cannot be loaded all the same */
  load(set: PolicySet): Evaluator
}

export function createPolicyLoader(world: World, engine: PolicyEngine, log: Log): PolicyLoader {
  let loaded: { version: string; evaluate?: Evaluator } | undefined

  /** Stands for a version at once, so that what came before is not used for it. */
  const settle = (set: PolicySet, attempt: () => Evaluator | undefined): void => {
    loaded = { version: set.version }
    try {
      loaded = { version: set.version, evaluate: attempt() }
      if (loaded.evaluate) log.info('policies loaded', { version: set.version, count: set.policy_ids.length })
    } catch (error) {
      log.error('policies cannot be loaded', { version: set.version, error: messageOf(error) })
    }
  }

  async function refresh(): Promise<void> {
    const set = world.policySet()
    if (!set || set.version === loaded?.version) return
    if (set.engine === engine.engine) return settle(set, () => engine.load(set))
    settle(set, () => undefined)
    const fits = await engine.recheck(set).catch((error: unknown) => error)
    if (world.policySet()?.version !== set.version) return
    settle(set, () => {
      if (fits) throw fits
      return engine.load(set)
    })
  }

  const current = () => (loaded && loaded.version === world.policySet()?.version ? loaded : undefined)
  return {
    refresh,
    version: () => (current()?.evaluate ? (current()?.version ?? '') : ''),
    evaluator: () => current()?.evaluate,
  }
}
