/** The policy engine: a set of Cedar policies compiled once, evaluated for one request after the other. */

import { CannotCompile } from './cannot-compile.ts'
import type { Entities } from './entity.ts'
import { expressions } from './expressions.ts'
import { type Frame, find, type Request } from './frame.ts'
import { indexer, type LeafRule, type Node } from './index-tree.ts'
import { LIMITS } from './limits.ts'
import type { Policy } from './policy-json.ts'
import { type Rule, readPolicy } from './read-policy.ts'
import { runner } from './run.ts'
import type { Schema } from './schema.ts'
import { environmentPrograms } from './specialise.ts'

export { CannotCompile } from './cannot-compile.ts'
export type { Entities, Entity, KnownEntity } from './entity.ts'
export type { Request } from './frame.ts'
export type { Policy, PolicyJson } from './policy-json.ts'
export type { CedarRecord, EntityUid, Value } from './value.ts'

/** Cedar's answer, and all satisfied policies: its `reason` is `permits` on allow, `forbids` on deny. In the order given. */
export type Answer = {
  decision: 'allow' | 'deny'
  permits: string[]
  forbids: string[]
  /** Policies that failed, and so count as not satisfied. The message holds nothing of the request. */
  errors: { policy: string; message: string }[]
}

export type Engine = {
  /**
   * Allowed when a permit and no forbid is satisfied. The engine remembers nothing of a request.
   * @param entities as `entityStore` gives them, or a function over what the caller keeps
   */
  evaluate(request: Request, entities: Entities): Answer
}

/**
 * @param schema then the schema's action groups hold, and each request environment it allows gets a program of its own,
 *   made when first asked for
 * @throws CannotCompile for what the engine does not know to run exactly
 */
export function compile(
  policies: readonly Policy[],
  schema?: Schema,
  options: {
    /** Tries each policy for each request. For tests: the oracle of the index. */
    index?: false
  } = {},
): Engine {
  if (policies.length > LIMITS.policies) throw new CannotCompile('', 'policies', `are more than ${LIMITS.policies}`)
  const build = expressions()
  const rules: Rule[] = []
  const ids = new Set<string>()
  for (const policy of policies) {
    if (ids.has(policy.id)) throw new CannotCompile(policy.id, 'id', 'is given to two policies')
    ids.add(policy.id)
    rules.push(readPolicy(policy, build))
  }
  const index = indexer(build)
  const general: Node =
    options.index === false
      ? {
          kind: 'node',
          branches: [],
          leaves: rules.map(
            ({ tests }, index): LeafRule => ({ kind: 'rule', index, tests: tests.map(build.closureOf) }),
          ),
        }
      : index(rules.map(({ tests }, index) => ({ index, tests })))
  const environments =
    schema && options.index !== false ? environmentPrograms(rules, general, { build, index }, schema) : undefined
  const run = runner(rules)
  const actions = schema?.actions

  return {
    evaluate: ({ principal, action, resource, context }, entities) => {
      const declared = environments?.get(action)
      const frame: Frame = {
        principal,
        action,
        resource,
        context,
        principalEntity: find(principal, entities, actions),
        actionEntity: declared ? declared.entity : find(action, entities, actions),
        resourceEntity: find(resource, entities, actions),
        entities,
        actions,
      }
      return run(declared ? declared.programFor(principal.type, resource.type) : general, frame)
    },
  }
}
