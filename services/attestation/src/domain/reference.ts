/** An approved value of what agents of a blueprint run: a composition, a signed model, an image, PCRs. */
import type { Reference, ReferenceValue } from '@credence/contracts/attestation/trust'
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

/**
 * Ids of reference values, and of those that approve the same thing under another id: who withdraws one because of what it
 * approves means every agent that runs it.
 */
export function withAlike(ids: readonly string[], references: readonly Reference[]): string[] {
  const named = references.filter(({ reference }) => ids.includes(reference))
  const alike = references.filter(({ value }) => named.some((one) => approvesTheSame(one.value, value)))
  return [...new Set([...ids, ...alike.map(({ reference }) => reference)])]
}

function approvesTheSame(one: ReferenceValue, other: ReferenceValue): boolean {
  switch (one.type) {
    case 'composition':
      return other.type === 'composition' && PARTS.every((part) => one[part] === other[part])
    case 'model':
      return other.type === 'model' && one.statement_digest === other.statement_digest
    case 'image':
      return other.type === 'image' && one.digest === other.digest
    case 'pcrs': {
      const values = Object.entries(one.values)
      return (
        other.type === 'pcrs' &&
        one.bank === other.bank &&
        Object.keys(other.values).length === values.length &&
        values.every(([index, value]) => other.values[index] === value)
      )
    }
  }
}
const PARTS = ['program', 'prompt', 'tool_manifest', 'model'] as const

export const approveReference = (state: ReferenceState, reference: Reference): AttestationFact[] =>
  state ? [] : [{ type: 'credence.attestation.reference.approved.v1', data: reference }]

/** @throws CredenceError `not_found` */
export function withdrawReference(state: ReferenceState, reference: string, reason: string): AttestationFact[] {
  if (!state) throw notFound('reference', reference)
  if (state.withdrawn) return []
  return [{ type: 'credence.attestation.reference.withdrawn.v1', data: { reference, reason } }]
}
