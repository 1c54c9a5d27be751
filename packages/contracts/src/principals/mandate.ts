/** A mandate as every service folds it from IDENTITY: what autonomous agents of one blueprint may do. */
import type { EventData, Fact } from '../events/catalog.ts'

export type Mandate = EventData<'credence.identity.mandate.granted.v1'> & { revoked: boolean }
export type MandateState = Mandate | undefined

export const mandateEvolution = { initialState: undefined as MandateState, evolve }

function evolve(state: MandateState, fact: Fact): MandateState {
  if (fact.type === 'credence.identity.mandate.granted.v1') return state ?? { ...fact.data, revoked: false }
  if (fact.type === 'credence.identity.mandate.revoked.v1') return state && { ...state, revoked: true }
  return state
}
