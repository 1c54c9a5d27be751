/** Principals, with the look-ups that only their owner needs. */
import { aggregates } from '@credence/shared/event-store/aggregates'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { createPrincipals as createShared } from '@credence/shared/principals'
import { humanEvolution } from '../domain/human.ts'

export type Principals = ReturnType<typeof createPrincipals>

export function createPrincipals() {
  const shared = createShared()
  const humans = aggregates('identity', 'human', humanEvolution)
  const thumbprints = new Set<string>()
  const below = new Map<string, string[]>()
  const add = (parent: string | undefined, child: string) => {
    if (parent) below.set(parent, [...(below.get(parent) ?? []), child])
  }
  return {
    ...shared,
    humans,
    apply: (commit: RecordedCommit) => {
      shared.apply(commit)
      humans.apply(commit)
      for (const { type, data } of commit.facts) {
        if (type === 'credence.identity.agent.registered.v1') {
          thumbprints.add(data.key_thumbprint)
          add(data.parent, data.agent)
        }
        if (type === 'credence.identity.delegation.granted.v1') add(data.parent, data.delegation)
      }
    },
    keyIsTaken: (thumbprint: string) => thumbprints.has(thumbprint),
    /** An agent or delegation and everything below it, from the top down. */
    withDescendants: (id: string): string[] => {
      const found = [id]
      for (const next of found) found.push(...(below.get(next) ?? []))
      return found
    },
  }
}
