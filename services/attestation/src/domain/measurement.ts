/** A digest that no agent may run on, whatever was approved: a bad image, a poisoned model. */
import { precondition } from '@credence/contracts/errors'
import type { AttestationFact, Fact } from '@credence/contracts/events/catalog'

export type MeasurementState = { digest: string; reason: string; blocked: boolean } | undefined

export const measurementEvolution = {
  initialState: undefined as MeasurementState,
  evolve: (state: MeasurementState, fact: Fact): MeasurementState => {
    if (fact.type === 'credence.attestation.measurement.blocked.v1') return { ...fact.data, blocked: true }
    if (fact.type === 'credence.attestation.measurement.unblocked.v1') return state && { ...state, blocked: false }
    return state
  },
}

export const blockMeasurement = (state: MeasurementState, digest: string, reason: string): AttestationFact[] =>
  state?.blocked ? [] : [{ type: 'credence.attestation.measurement.blocked.v1', data: { digest, reason } }]

/** @throws CredenceError `failed_precondition`, `not_blocked` */
export function unblockMeasurement(state: MeasurementState, digest: string, reason: string): AttestationFact[] {
  if (!state?.blocked) throw precondition('not_blocked', 'This digest is not blocked.')
  return [{ type: 'credence.attestation.measurement.unblocked.v1', data: { digest, reason } }]
}
