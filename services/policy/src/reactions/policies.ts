/** Loads the active policy set whenever it changes. Until it is loaded, and when it cannot be, decisions are deny. */
import { type Log, messageOf } from '@credence/shared/log'
import type { Evaluator } from '../domain/decision.ts'
import type { PolicySet } from '../domain/policyset.ts'
import type { World } from '../projections/world.ts'

export type PolicyLoader = {
  /** Version of what is loaded; empty while decisions have no policies. */
  version(): string
  evaluator(): Evaluator | undefined
  refresh(): Promise<void>
}

/** @param load makes an evaluator of a policy set */
export function createPolicyLoader(world: World, load: (set: PolicySet) => Promise<Evaluator>, log: Log): PolicyLoader {
  let loaded: { version: string; evaluate: Evaluator } | undefined
  let loading: Promise<void> = Promise.resolve()

  async function loadActive(): Promise<void> {
    const set = world.policySet()
    if (!set || set.version === loaded?.version) return
    try {
      loaded = { version: set.version, evaluate: await load(set) }
      log.info('policies loaded', { version: set.version, count: set.policy_ids.length })
    } catch (error) {
      loaded = undefined
      log.error('policies cannot be loaded', { version: set.version, error: messageOf(error) })
    }
  }
  const current = () => (loaded && loaded.version === world.policySet()?.version ? loaded : undefined)
  return {
    refresh: () => {
      loading = loading.then(loadActive)
      return loading
    },
    version: () => current()?.version ?? '',
    evaluator: () => current()?.evaluate,
  }
}
