/** Delegations by the person at their root and by the agent that holds them, in the order of their granting. */
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import type { Principals as Shared } from '@credence/shared/principals'

/** @param shared has folded a commit before this does */
export function createDelegationIndex(shared: Pick<Shared, 'delegation'>) {
  const order: string[] = []
  const lists = new Map<string, string[]>()
  const list = (of: string, delegation: string) => {
    const known = lists.get(of)
    if (known) known.push(delegation)
    else lists.set(of, [delegation])
  }
  const add = (id: string): void => {
    const delegation = shared.delegation(id)
    if (!delegation) return
    order.push(id)
    list(delegation.human, id)
    list(delegation.agent, id)
  }
  return {
    name: 'identity/delegation-index',
    apply: (commit: RecordedCommit): void => {
      for (const { type, data } of commit.facts)
        if (type === 'credence.identity.delegation.granted.v1') add(data.delegation)
    },
    dump: (): string[] => [...order],
    load: (entry: unknown): void => add(entry as string),
    clear: (): void => {
      order.length = 0
      lists.clear()
    },
    /** @param of a person or an agent */
    delegationsOf: (of: string): readonly string[] => lists.get(of) ?? [],
  }
}
