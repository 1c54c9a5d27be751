/** An approved value of what agents of a blueprint run: a composition, a signed model, an image, PCRs. */
import type { Reference } from '@credence/contracts/attestation/trust'
import { notFound } from '@credence/contracts/errors'
import type { AttestationFact, Fact } from '@credence/contracts/events/catalog'

export type ReferenceState = (Reference & { withdrawn: boolean }) | undefined

export const referenceEvolution = {
  initialState: undefined as ReferenceState,
  evolve: (state: ReferenceState, fact: Fact): ReferenceState => {
    if (fact.type === 'credence.attestation.reference.approved.v1') return { ...fact.data, withdrawn: false }
    if (fact.type === 'credence.attestation.reference.withdrawn.v1') return state && { ...state, withdrawn: true }
    return state
  },
}

export const approveReference = (state: ReferenceState, reference: Reference): AttestationFact[] =>
  state ? [] : [{ type: 'credence.attestation.reference.approved.v1', data: reference }]

/** @throws CredenceError `not_found` */
export function withdrawReference(state: ReferenceState, reference: string, reason: string): AttestationFact[] {
  if (!state) throw notFound('reference', reference)
  if (state.withdrawn) return []
  return [{ type: 'credence.attestation.reference.withdrawn.v1', data: { reference, reason } }]
}
