/** A blueprint as every service folds it from IDENTITY. */
import type { EventData, Fact } from '../events/catalog.ts'

export type Blueprint = EventData<'credence.identity.blueprint.created.v1'> & {
  withdrawn: boolean
  /** Who is asked to become its sponsor. */
  proposedSponsor?: string
}
export type BlueprintState = Blueprint | undefined

export const blueprintEvolution = { initialState: undefined as BlueprintState, evolve }

function evolve(state: BlueprintState, fact: Fact): BlueprintState {
  switch (fact.type) {
    case 'credence.identity.blueprint.created.v1':
      return state ?? { ...fact.data, withdrawn: false }
    case 'credence.identity.blueprint.sponsor_proposed.v1':
      return state && { ...state, proposedSponsor: fact.data.sponsor === state.sponsor ? undefined : fact.data.sponsor }
    case 'credence.identity.blueprint.sponsor_changed.v1':
      return state && { ...state, sponsor: fact.data.sponsor, proposedSponsor: undefined }
    case 'credence.identity.blueprint.owner_changed.v1':
      return state && { ...state, owner: fact.data.owner }
    case 'credence.identity.blueprint.withdrawn.v1':
      return state && { ...state, withdrawn: true }
    case 'credence.identity.blueprint.restored.v1':
      return state && { ...state, withdrawn: false }
    default:
      return state
  }
}
