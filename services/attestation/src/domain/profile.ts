/** What evidence agents of a blueprint must show, and how good it must be. Versions only increase. */
import type { AttestationFact, EventData, Fact } from '@credence/contracts/events/catalog'

export type Profile = EventData<'credence.attestation.profile.defined.v1'>
export type ProfileState = Profile | undefined

export const profileEvolution = {
  initialState: undefined as ProfileState,
  evolve: (state: ProfileState, fact: Fact): ProfileState =>
    fact.type === 'credence.attestation.profile.defined.v1' ? fact.data : state,
}

export const defineProfile = (state: ProfileState, wanted: Omit<Profile, 'version'>): AttestationFact[] => [
  { type: 'credence.attestation.profile.defined.v1', data: { ...wanted, version: (state?.version ?? 0) + 1 } },
]
