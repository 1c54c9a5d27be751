/** A delegation as every service folds it from IDENTITY, and whether it still counts. */
import type { EventData, Fact } from '../events/catalog.ts'
import { MAX_DEPTH } from './agent.ts'

export type Delegation = EventData<'credence.identity.delegation.granted.v1'> & { revoked: boolean }
export type DelegationState = Delegation | undefined

export const delegationEvolution = { initialState: undefined as DelegationState, evolve }

function evolve(state: DelegationState, fact: Fact): DelegationState {
  switch (fact.type) {
    case 'credence.identity.delegation.granted.v1':
      return { ...fact.data, revoked: false }
    case 'credence.identity.delegation.revoked.v1':
      return state && { ...state, revoked: true }
    default:
      return state
  }
}

type Find = (id: string) => DelegationState

/** From this delegation up to its root. Undefined when a link is missing or the chain is too long. */
export function delegationChain(id: string, find: Find): Delegation[] | undefined {
  const chain: Delegation[] = []
  for (let next: string | undefined = id; next !== undefined; ) {
    const delegation: DelegationState = chain.length < MAX_DEPTH ? find(next) : undefined
    if (!delegation) return undefined
    chain.push(delegation)
    next = delegation.parent
  }
  return chain
}

export type DelegationEnd = 'delegation_unknown' | 'delegation_revoked' | 'delegation_expired' | 'delegation_not_yet'

/** Why a delegation does not count: one of its chain is revoked, over, or has not begun. Undefined while it counts. */
export function delegationEnd(chain: Delegation[] | undefined, now: Date): DelegationEnd | undefined {
  if (!chain) return 'delegation_unknown'
  for (const { revoked, expires_at, not_before } of chain) {
    if (revoked) return 'delegation_revoked'
    if (new Date(expires_at) <= now) return 'delegation_expired'
    if (new Date(not_before) > now) return 'delegation_not_yet'
  }
  return undefined
}
