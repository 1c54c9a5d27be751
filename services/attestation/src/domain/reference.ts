/** An approved composition of code, prompt, tools and model. */
import type { AttestationFact, EventData } from '@credence/contracts/events/catalog'
import { latest } from '@credence/contracts/events/latest'

export type Reference = EventData<'credence.attestation.reference.approved.v1'>
export type ReferenceState = Reference | undefined

export const referenceEvolution = latest('credence.attestation.reference.approved.v1')

export const approveReference = (state: ReferenceState, reference: Reference): AttestationFact[] =>
  state ? [] : [{ type: 'credence.attestation.reference.approved.v1', data: reference }]
