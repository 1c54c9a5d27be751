/** Delegations by the agent that holds them, folded from IDENTITY. */
import type { RecordedCommit } from '@credence/shared/event-store/commit'

export type Held = ReturnType<typeof createHeld>

export function createHeld() {
  const held = new Map<string, string[]>()
  return {
    /** Ids of all that were ever given to an agent, the oldest first. */
    by: (agent: string): readonly string[] => held.get(agent) ?? [],
    apply: (commit: RecordedCommit) => {
      for (const { type, data } of commit.facts)
        if (type === 'credence.identity.delegation.granted.v1') {
          const known = held.get(data.agent)
          if (known) known.push(data.delegation)
          else held.set(data.agent, [data.delegation])
        }
    },
  }
}
