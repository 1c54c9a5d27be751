/** The active Cedar policies. */
import type { EventData, Fact, PolicyFact } from '@credence/contracts/events/catalog'

export type PolicySet = EventData<'credence.policy.policyset.activated.v1'>
export type PolicySetState = PolicySet | undefined

export const policySetEvolution = {
  initialState: undefined as PolicySetState,
  evolve: (state: PolicySetState, fact: Fact): PolicySetState =>
    fact.type === 'credence.policy.policyset.activated.v1' ? fact.data : state,
}

/** Activating what is active changes nothing. */
export const activatePolicies = (state: PolicySetState, next: PolicySet): PolicyFact[] =>
  state?.version === next.version ? [] : [{ type: 'credence.policy.policyset.activated.v1', data: next }]
