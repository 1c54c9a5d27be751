/** Delegations by the person at their root and by the agent that holds them, in the order of their granting. */
import type { RecordedCommit } from '@credence/shared/event-store/commit'

export function createDelegationIndex() {
  const lists = new Map<string, string[]>()
  const add = (of: string, delegation: string) => {
    const known = lists.get(of)
    if (known) known.push(delegation)
    else lists.set(of, [delegation])
  }
  return {
    apply: (commit: RecordedCommit): void => {
      for (const { type, data } of commit.facts) {
        if (type !== 'credence.identity.delegation.granted.v1') continue
        add(data.human, data.delegation)
        add(data.agent, data.delegation)
      }
    },
    /** @param of a person or an agent */
    delegationsOf: (of: string): readonly string[] => lists.get(of) ?? [],
  }
}
