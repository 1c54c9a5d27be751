/**
 * What this package bounds, so that no policy, entity or context can cost more than it should. Each limit is
 * checked where the input enters; past it the input is refused with a sentence that names the limit.
 */
export const LIMITS = {
  /** Nesting of one policy's expressions. Cedar's own parser ends near 120; each level costs one stack frame. */
  expressionDepth: 250,
  /** Nodes of one policy's expressions after reading. */
  expressionNodes: 50_000,
  /** Policies of one compiled set. */
  policies: 100_000,
  /** Nesting of JSON documents. Cedar's own reader ends at 127. */
  jsonDepth: 127,
  /** UTF-16 units of one JSON document. */
  jsonLength: 64 * 1024 * 1024,
  /** Entities of one store. */
  entities: 1_000_000,
  /** Parents named by one entity. */
  parents: 100_000,
  /** Ancestor entries that a store keeps once computed; past it they are computed again at each look-up. */
  keptAncestors: 1_000_000,
  /** Request environments (action, principal type, resource type) that get a program of their own. */
  environments: 32_768,
  /** Policies summed over those programs; past it an environment uses the general program. */
  environmentPolicies: 1_000_000,
  /** Levels of the policy index; policies that still agree there are tried one after the other. */
  indexDepth: 24,
  /** Ways on which one policy is filed: the literals of `["a", "b"].contains(context.x)` times those of its other tests. */
  indexedWays: 32,
} as const
