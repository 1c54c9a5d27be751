/** What evidence agents of a blueprint must show, and how good it must be. Versions only increase. */
import type { AttestationFact, EventData } from '@credence/contracts/events/catalog'
import { latest } from '@credence/contracts/events/latest'

export type Profile = EventData<'credence.attestation.profile.defined.v1'>
export type ProfileState = Profile | undefined

export const profileEvolution = latest('credence.attestation.profile.defined.v1')

export const defineProfile = (state: ProfileState, wanted: Omit<Profile, 'version'>): AttestationFact[] => [
  { type: 'credence.attestation.profile.defined.v1', data: { ...wanted, version: (state?.version ?? 0) + 1 } },
]
