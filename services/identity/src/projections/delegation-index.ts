/** Delegations by the person at their root and by the agent that holds them, in the order of their granting. */
import type { DelegationState } from '@credence/contracts/principals/delegation'
import type { Aggregates } from '@credence/shared/event-store/aggregates'
import type { ReadModel } from '@credence/shared/event-store/read-model'

export function createDelegationIndex(delegations: Pick<Aggregates<DelegationState>, 'all'>) {
  const lists = new Map<string, string[]>()
  const add = (of: string, delegation: string) => {
    const known = lists.get(of)
    if (known) known.push(delegation)
    else lists.set(of, [delegation])
  }
  const addBoth = ({ human, agent, delegation }: { human: string; agent: string; delegation: string }) => {
    add(human, delegation)
    add(agent, delegation)
  }
  const model: ReadModel = {
    name: 'identity/delegation-index',
    apply: ({ facts }) => {
      for (const { type, data } of facts) if (type === 'credence.identity.delegation.granted.v1') addBoth(data)
    },
    // It follows from the delegations, which are taken back before it, in their order.
    dump: () => ['delegations'],
    load: () => {
      for (const [, delegation] of delegations.all()) if (delegation) addBoth(delegation)
    },
    clear: () => lists.clear(),
  }
  return {
    model,
    /** @param of a person or an agent */
    delegationsOf: (of: string): readonly string[] => lists.get(of) ?? [],
  }
}
