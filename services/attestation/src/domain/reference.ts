/** An approved composition of code, prompt, tools and model. */
import type { AttestationFact, EventData, Fact } from '@credence/contracts/events/catalog'

export type Reference = EventData<'credence.attestation.reference.approved.v1'>
export type ReferenceState = Reference | undefined

export const referenceEvolution = {
  initialState: undefined as ReferenceState,
  evolve: (state: ReferenceState, fact: Fact): ReferenceState =>
    fact.type === 'credence.attestation.reference.approved.v1' ? fact.data : state,
}

export const approveReference = (state: ReferenceState, reference: Reference): AttestationFact[] =>
  state ? [] : [{ type: 'credence.attestation.reference.approved.v1', data: reference }]
