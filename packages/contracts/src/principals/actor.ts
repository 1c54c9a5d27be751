/**
 * The chain of actors in a token (RFC 8693 §4.1, draft-mcguinness-oauth-actor-profile "Actor Object Structure"):
 * outermost the one that acts now, inside it those that handed the authority on. Chains come from outside and may be of
 * any depth, so everything here walks and nothing recurses.
 */
import { MAX_DEPTH } from './agent.ts'

/** An actor, as (namespace, name). Members that we do not know are kept as they are. */
export type Actor = { iss: string; sub: string; sub_profile?: string; act?: Actor }

/** Most actors of a chain. The profile demands a limit; a longer chain is refused, never cut. */
export const MAX_ACTORS = MAX_DEPTH

/** Why this is no chain of actors that we would take; undefined when it is one. */
export function faultOf(act: unknown): 'act_too_deep' | 'act_malformed' | undefined {
  let next = act
  for (let depth = 0; next !== undefined; depth++) {
    if (depth === MAX_ACTORS) return 'act_too_deep'
    if (typeof next !== 'object' || next === null || Array.isArray(next)) return 'act_malformed'
    const { iss, sub, act: inner } = next as Record<string, unknown>
    if (typeof iss !== 'string' || typeof sub !== 'string' || !iss || !sub) return 'act_malformed'
    next = inner
  }
  return undefined
}

/** The same actors in the same order. Only for chains without a fault. */
export function isSameChain(one: Actor | undefined, other: Actor | undefined): boolean {
  let [a, b] = [one, other]
  while (a && b) {
    if (a.iss !== b.iss || a.sub !== b.sub) return false
    ;[a, b] = [a.act, b.act]
  }
  return a === b
}
