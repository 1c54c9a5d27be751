/** The active Cedar policies. */
import type { EventData, PolicyFact } from '@credence/contracts/events/catalog'
import { latest } from '@credence/contracts/events/latest'

export type PolicySet = EventData<'credence.policy.policyset.activated.v1'>
export type PolicySetState = PolicySet | undefined

export const policySetEvolution = latest('credence.policy.policyset.activated.v1')

/** Activating what is active changes nothing. */
export const activatePolicies = (state: PolicySetState, next: PolicySet): PolicyFact[] =>
  state?.version === next.version ? [] : [{ type: 'credence.policy.policyset.activated.v1', data: next }]
