/** A blueprint as every service folds it from IDENTITY. */
import type { EventData, Fact } from '../events/catalog.ts'

export type Blueprint = EventData<'credence.identity.blueprint.created.v1'>
export type BlueprintState = Blueprint | undefined

export const blueprintEvolution = {
  initialState: undefined as BlueprintState,
  evolve: (state: BlueprintState, fact: Fact): BlueprintState =>
    fact.type === 'credence.identity.blueprint.created.v1' ? fact.data : state,
}
