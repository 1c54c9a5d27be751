/** A profile’s rule: proto ↔ contract. */
import { EVIDENCE_KINDS, EvidenceKind } from '@credence/contracts/attestation/kinds'
import {
  leavesOf,
  MAX_LEAVES,
  MAX_RULE_DEPTH,
  partsOf,
  Requirement,
  type Rule,
} from '@credence/contracts/attestation/requirements'
import type {
  AttestationStatus,
  Requirement as RequirementMessage,
  Rule as RuleMessage,
} from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { enumName } from '@credence/shared/rpc/fields'
import { checked, type Fault, isSet, type Path } from './converted.ts'

/** What each kind’s requirement says beside kind, age and status: its members in the contract and in the proto. */
const MEMBERS: Record<EvidenceKind, Record<string, keyof RequirementMessage>> = {
  software: {},
  'agent-manifest': { signers: 'signers' },
  'model-signing': { grade: 'grade', signers: 'signers' },
  'container-image': { builders: 'builders', sources: 'sources', signers: 'signers' },
  'kubernetes-sat': { service_accounts: 'serviceAccounts', reviewed: 'reviewed' },
  'spiffe-svid': { ids: 'spiffeIds', key_bound: 'keyBound' },
  'tpm2-quote': { bank: 'bank', pcrs: 'pcrs', certified: 'certified' },
}
const COMMON = ['kind', 'maximumAgeSeconds', 'worstAcceptableStatus']
const STATUS = 'ATTESTATION_STATUS_'

/** @returns undefined when a fault was told */
export function ruleOf(message: RuleMessage | undefined, path: Path, fault: Fault): Rule | undefined {
  const rule = part(message, path, fault, 1)
  if (!rule) return undefined
  if (leavesOf(rule).length > MAX_LEAVES) {
    fault(path, `must ask for at most ${MAX_LEAVES} pieces`)
    return undefined
  }
  return rule
}

function part(message: RuleMessage | undefined, path: Path, fault: Fault, depth: number): Rule | undefined {
  const rule = message?.rule
  if (!rule) return void fault(path, 'must be one of all_of, any_of, evidence')
  if (depth > MAX_RULE_DEPTH) return void fault(path, `must be at most ${MAX_RULE_DEPTH} deep`)
  if (rule.$case === 'evidence') return requirementOf(rule.value, [...path, 'evidence'], fault)
  const at = [...path, rule.$case, 'rules']
  const { rules } = rule.value
  if (rules.length === 0) return void fault(at, 'must not be empty')
  if (rules.length > MAX_LEAVES) return void fault(at, `must be at most ${MAX_LEAVES}`)
  const parts = rules.map((one, index) => part(one, [...at, index], fault, depth + 1))
  if (!parts.every((one) => one !== undefined)) return undefined
  return rule.$case === 'allOf' ? { all_of: parts } : { any_of: parts }
}

function requirementOf(message: RequirementMessage, path: Path, fault: Fault): Requirement | undefined {
  const kind = EvidenceKind.safeParse(message.kind)
  if (!kind.success) return void fault([...path, 'kind'], `must be one of ${EVIDENCE_KINDS.join(', ')}`)
  const members = MEMBERS[kind.data]
  const allowed = [...COMMON, ...Object.values(members)]
  let foreign = false
  for (const [field, value] of Object.entries(message)) {
    if (allowed.includes(field) || !isSet(value)) continue
    foreign = true
    fault([...path, field], `does not belong to ${kind.data}`)
  }
  if (foreign) return undefined
  const set = (member: string, value: unknown) => (isSet(value) ? { [member]: value } : {})
  const value = {
    kind: kind.data,
    ...Object.assign({}, ...Object.entries(members).map(([member, field]) => set(member, message[field]))),
    ...set('maximum_age_seconds', Number(message.maximumAgeSeconds)),
    ...set('worst_acceptable_status', shortStatus(message.worstAcceptableStatus)),
  }
  const inProto = ([first = '', ...rest]: Path): Path => [members[String(first)] ?? first, ...rest]
  return checked(Requirement, value, { path, fault, named: inProto })
}

/** `ATTESTATION_STATUS_WARNING` → `warning`; empty when it was left out. */
export const shortStatus = (status: AttestationStatus): string =>
  isSet(status) ? status.replace(STATUS, '').toLowerCase() : ''

export function ruleMessage(rule: Rule): RuleMessage {
  const parts = partsOf(rule)
  if (!parts) return { rule: { $case: 'evidence', value: requirementMessage(rule as Requirement) } }
  const $case = 'all_of' in rule ? 'allOf' : 'anyOf'
  return { rule: { $case, value: { rules: parts.map(ruleMessage) } } }
}

const NOTHING: RequirementMessage = {
  kind: '',
  maximumAgeSeconds: 0n,
  worstAcceptableStatus: 'ATTESTATION_STATUS_UNSPECIFIED',
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
}

function requirementMessage(requirement: Requirement): RequirementMessage {
  const { kind, maximum_age_seconds: age, worst_acceptable_status: worst } = requirement
  const own = Object.entries(MEMBERS[kind]).flatMap(([member, field]) => {
    const value = (requirement as Record<string, unknown>)[member]
    return value === undefined ? [] : [[field, value]]
  })
  return {
    ...NOTHING,
    ...Object.fromEntries(own),
    kind,
    maximumAgeSeconds: BigInt(age ?? 0),
    ...(worst ? { worstAcceptableStatus: enumName<AttestationStatus>(STATUS, worst) } : {}),
  }
}
