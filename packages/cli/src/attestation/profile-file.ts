/** A profile as people write it (JSON, the names of the contract) and as the service takes it. */
import { ProfileParts, partsOf, type Requirement, type Rule } from '@credence/contracts/attestation/requirements'
import {
  AttestationStatus,
  type Profile,
  type Requirement as RequirementMessage,
  type Rule as RuleMessage,
} from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { z } from 'zod'
import { Usage } from '../failure.ts'
import { readJson } from '../read-json.ts'

/** @throws Usage naming each member of the file that is wrong */
export function readProfile(file: string): Profile {
  const parsed = ProfileParts.safeParse(readJson(file))
  if (!parsed.success) throw new Usage(`${file} is no profile:\n${z.prettifyError(parsed.error)}`)
  const { blueprint, rule, sensitivities, worst_acceptable_status, maximum_age_seconds } = parsed.data
  return {
    blueprint,
    version: 0,
    rule: ruleMessage(rule),
    worstAcceptableStatus: statusMessage(worst_acceptable_status),
    maximumAgeSeconds: BigInt(maximum_age_seconds),
    sensitivities: sensitivities.map((one) => ({
      sensitivity: one.sensitivity,
      rule: one.rule && ruleMessage(one.rule),
      worstAcceptableStatus: statusMessage(one.worst_acceptable_status),
      maximumAgeSeconds: BigInt(one.maximum_age_seconds),
    })),
    active: false,
    definedBy: '',
    activatedBy: '',
  }
}

function ruleMessage(rule: Rule): RuleMessage {
  const rules = partsOf(rule)?.map(ruleMessage)
  if (!rules) return { rule: { $case: 'evidence', value: requirementMessage(rule as Requirement) } }
  return { rule: { $case: 'all_of' in rule ? 'allOf' : 'anyOf', value: { rules } } }
}

type Loose = { [K in Requirement as keyof K]?: K[keyof K] } & Record<string, unknown>

function requirementMessage(requirement: Requirement): RequirementMessage {
  const of = requirement as Loose
  const list = (name: string) => (of[name] as string[] | undefined) ?? []
  return {
    kind: requirement.kind,
    maximumAgeSeconds: BigInt(requirement.maximum_age_seconds ?? 0),
    worstAcceptableStatus: statusMessage(requirement.worst_acceptable_status),
    grade: String(of.grade ?? ''),
    signers: list('signers'),
    builders: list('builders'),
    sources: list('sources'),
    serviceAccounts: list('service_accounts'),
    reviewed: Boolean(of.reviewed),
    spiffeIds: list('ids'),
    keyBound: Boolean(of.key_bound),
    bank: String(of.bank ?? ''),
    pcrs: (of.pcrs as number[] | undefined) ?? [],
    certified: Boolean(of.certified),
  }
}

const statusMessage = (word: 'affirming' | 'warning' | undefined): AttestationStatus =>
  word === undefined
    ? AttestationStatus.ATTESTATION_STATUS_UNSPECIFIED
    : AttestationStatus[`ATTESTATION_STATUS_${word === 'warning' ? 'WARNING' : 'AFFIRMING'}`]

export const statusWord = (status: string): string => status.replace('ATTESTATION_STATUS_', '').toLowerCase()

/** The same profile as a file again: `credence profile show --json` into a file, edit, `credence profile define`. */
export const toFile = (profile: Profile): unknown => ({
  blueprint: profile.blueprint,
  rule: profile.rule && ruleFile(profile.rule),
  worst_acceptable_status: statusWord(profile.worstAcceptableStatus),
  maximum_age_seconds: Number(profile.maximumAgeSeconds),
  sensitivities: profile.sensitivities.map((one) => ({
    sensitivity: one.sensitivity,
    ...(one.rule ? { rule: ruleFile(one.rule) } : {}),
    worst_acceptable_status: statusWord(one.worstAcceptableStatus),
    maximum_age_seconds: Number(one.maximumAgeSeconds),
  })),
})

function ruleFile({ rule }: RuleMessage): unknown {
  if (rule?.$case === 'allOf') return { all_of: rule.value.rules.map(ruleFile) }
  if (rule?.$case === 'anyOf') return { any_of: rule.value.rules.map(ruleFile) }
  return rule && Object.fromEntries(parametersOf(rule.value))
}

/** What a requirement says, in the names of the file; what it leaves out is left out. */
export function parametersOf(of: RequirementMessage): [name: string, value: unknown][] {
  const all: [string, unknown][] = [
    ['kind', of.kind],
    ['grade', of.grade],
    ['signers', of.signers],
    ['builders', of.builders],
    ['sources', of.sources],
    ['service_accounts', of.serviceAccounts],
    ['reviewed', of.reviewed],
    ['ids', of.spiffeIds],
    ['key_bound', of.keyBound],
    ['bank', of.bank],
    ['pcrs', of.pcrs],
    ['certified', of.certified],
    ['maximum_age_seconds', Number(of.maximumAgeSeconds)],
    ['worst_acceptable_status', statusWord(of.worstAcceptableStatus).replace('unspecified', '')],
  ]
  return all.filter(([, value]) => (Array.isArray(value) ? value.length > 0 : Boolean(value)))
}
