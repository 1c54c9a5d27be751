/** A blueprint as every service folds it from IDENTITY. */
import type { EventData } from '../events/catalog.ts'
import { latest } from '../events/latest.ts'

export type Blueprint = EventData<'credence.identity.blueprint.created.v1'>
export type BlueprintState = Blueprint | undefined

export const blueprintEvolution = latest('credence.identity.blueprint.created.v1')
