/** What evidence agents of a blueprint must show, and how good it must be. A version is a draft until it is activated. */
import type { ProfileParts } from '@credence/contracts/attestation/requirements'
import { notFound } from '@credence/contracts/errors'
import type { AttestationFact, EventData, Fact } from '@credence/contracts/events/catalog'

export type Profile = EventData<'credence.attestation.profile.defined.v1'>
export type ProfileState = {
  /** Version n stands at n − 1. */
  versions: readonly Profile[]
  /** The version that counts. */
  active?: number
}

export const profileEvolution = {
  initialState: { versions: [] } as ProfileState,
  evolve: (state: ProfileState, fact: Fact): ProfileState => {
    if (fact.type === 'credence.attestation.profile.defined.v1')
      return { ...state, versions: [...state.versions, fact.data] }
    if (fact.type === 'credence.attestation.profile.activated.v1') return { ...state, active: fact.data.version }
    return state
  },
}

export const versionOf = ({ versions }: ProfileState, version: number): Profile | undefined => versions[version - 1]
export const activeVersion = (state: ProfileState): Profile | undefined => versionOf(state, state.active ?? 0)

export const defineProfile = (state: ProfileState, parts: ProfileParts): AttestationFact[] => [
  { type: 'credence.attestation.profile.defined.v1', data: { ...parts, version: state.versions.length + 1 } },
]

/** An earlier version may be activated again. @throws CredenceError `not_found` */
export function activateProfile(state: ProfileState, blueprint: string, version: number): AttestationFact[] {
  if (!versionOf(state, version)) throw notFound('profile', `${blueprint} version ${version}`)
  if (state.active === version) return []
  return [{ type: 'credence.attestation.profile.activated.v1', data: { blueprint, version } }]
}
