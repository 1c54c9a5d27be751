/** A profile: proto ↔ contract. */
import { ProfileParts, type SensitivityRule } from '@credence/contracts/attestation/requirements'
import type {
  AttestationStatus,
  Profile as ProfileMessage,
  SensitivityRule as SensitivityMessage,
} from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { enumName } from '@credence/shared/rpc/fields'
import type { Profile } from '../../../domain/profile.ts'
import { checked, converted, type Fault, type Path, refuseGiven } from './converted.ts'
import { ruleMessage, ruleOf, shortStatus } from './rule.ts'

const GIVEN = ['version', 'active', 'definedBy', 'activatedBy']
const MOST_SENSITIVITIES = 4
const STATUS = 'ATTESTATION_STATUS_'

export const ProfileField = converted((message: ProfileMessage, fault): ProfileParts | undefined => {
  refuseGiven(message, GIVEN, fault)
  const rule = ruleOf(message.rule, ['rule'], fault)
  if (message.sensitivities.length > MOST_SENSITIVITIES)
    return void fault(['sensitivities'], `must be at most ${MOST_SENSITIVITIES}`)
  const sensitivities = message.sensitivities.map((one, index) => sensitivityOf(one, ['sensitivities', index], fault))
  if (!rule || sensitivities.includes(undefined)) return undefined
  const parts = {
    blueprint: message.blueprint,
    rule,
    worst_acceptable_status: shortStatus(message.worstAcceptableStatus),
    maximum_age_seconds: Number(message.maximumAgeSeconds),
    sensitivities,
  }
  return checked(ProfileParts, parts, { path: [], fault })
})

function sensitivityOf(message: SensitivityMessage, path: Path, fault: Fault): object | undefined {
  const rule = message.rule && ruleOf(message.rule, [...path, 'rule'], fault)
  if (message.rule && !rule) return undefined
  return {
    sensitivity: message.sensitivity,
    ...(rule ? { rule } : {}),
    worst_acceptable_status: shortStatus(message.worstAcceptableStatus),
    maximum_age_seconds: Number(message.maximumAgeSeconds),
  }
}

export const profileMessage = (
  profile: Profile,
  said: { active: boolean; definedBy: string; activatedBy: string },
): ProfileMessage => ({
  blueprint: profile.blueprint,
  version: profile.version,
  rule: ruleMessage(profile.rule),
  worstAcceptableStatus: enumName<AttestationStatus>(STATUS, profile.worst_acceptable_status),
  maximumAgeSeconds: BigInt(profile.maximum_age_seconds),
  sensitivities: profile.sensitivities.map(sensitivityMessage),
  ...said,
})

const sensitivityMessage = (one: SensitivityRule): SensitivityMessage => ({
  sensitivity: one.sensitivity,
  rule: one.rule && ruleMessage(one.rule),
  worstAcceptableStatus: enumName<AttestationStatus>(STATUS, one.worst_acceptable_status),
  maximumAgeSeconds: BigInt(one.maximum_age_seconds),
})
