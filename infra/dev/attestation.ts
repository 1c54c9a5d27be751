/** Messages of the attestation service with everything left out that is not said. */
import {
  AttestationStatus,
  type Composition,
  type Profile,
  type ReferenceValue,
  type Requirement,
  type Rule,
  type TrustAnchor,
} from '@credence/contracts/gen/credence/attestation/v1/attestation'

/** One piece of evidence of this kind. */
export const asks = (kind: string, part: Partial<Requirement> = {}): Rule => ({
  rule: {
    $case: 'evidence',
    value: {
      kind,
      maximumAgeSeconds: 0n,
      worstAcceptableStatus: AttestationStatus.ATTESTATION_STATUS_UNSPECIFIED,
      grade: '',
      signers: [],
      builders: [],
      sources: [],
      serviceAccounts: [],
      reviewed: false,
      spiffeIds: [],
      keyBound: false,
      bank: '',
      pcrs: [],
      certified: false,
      ...part,
    },
  },
})
export const allOf = (...rules: Rule[]): Rule => ({ rule: { $case: 'allOf', value: { rules } } })
export const anyOf = (...rules: Rule[]): Rule => ({ rule: { $case: 'anyOf', value: { rules } } })

/** Unless said: what the agent says of itself is enough, as a warning, for an hour. */
export const profileFor = (blueprint: string, part: Partial<Profile> = {}): Profile => ({
  blueprint,
  version: 0,
  rule: asks('software'),
  worstAcceptableStatus: AttestationStatus.ATTESTATION_STATUS_WARNING,
  maximumAgeSeconds: 3_600n,
  sensitivities: [],
  active: false,
  definedBy: '',
  activatedBy: '',
  ...part,
})

export const referenceFor = (
  blueprint: string,
  value: NonNullable<ReferenceValue['value']>,
  label: string,
): ReferenceValue => ({ id: '', blueprint, label, value, approvedBy: '', withdrawn: false, withdrawnBy: '' })

export const compositionFor = (blueprint: string, value: Composition, label: string): ReferenceValue =>
  referenceFor(blueprint, { $case: 'composition', value }, label)

export const anchorFor = (
  kinds: string[],
  material: NonNullable<TrustAnchor['material']>,
  part: Partial<TrustAnchor> = {},
): TrustAnchor => ({
  id: '',
  label: 'Test',
  kinds,
  blueprints: [],
  material,
  approvedBy: '',
  withdrawn: false,
  withdrawnBy: '',
  ...part,
})
