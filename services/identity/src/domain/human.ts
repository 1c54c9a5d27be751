/** A person, as the record knows them: a pseudonym. Who it is stands in the erasable directory, and nowhere else. */

import type { EventData, IdentityFact } from '@credence/contracts/events/catalog'
import { latest } from '@credence/contracts/events/latest'

export type Human = EventData<'credence.identity.human.recognised.v1'>
export type HumanState = Human | undefined

export const humanEvolution = latest('credence.identity.human.recognised.v1')

/** A pseudonym is given once. Recognising it again changes nothing. */
export function recogniseHuman(state: HumanState, human: string): IdentityFact[] {
  return state ? [] : [{ type: 'credence.identity.human.recognised.v1', data: { human } }]
}
