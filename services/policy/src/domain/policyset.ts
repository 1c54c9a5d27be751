/** A version of the policies: drafted, validated, signed off by a second person, retired. Which one counts: live.ts. */
import { forbidden, notFound, precondition } from '@credence/contracts/errors'
import type { EventData, Fact, PolicyFact } from '@credence/contracts/events/catalog'

type Validated = EventData<'credence.policy.policyset.validated.v1'>

export type PolicySet = {
  version: string
  author: string
  comment: string
  draftedAt: string
  /** Which parts of the text have come. The text itself stays in the stream: there may be many versions of megabytes. */
  come: { policies: boolean[]; schema: boolean[] }
  validated?: Validated
  signedOff?: { by: string; comment: string }
  retired?: true
}
export type PolicySetState = PolicySet | undefined

export const policySetEvolution = { initialState: undefined as PolicySetState, evolve }

function evolve(state: PolicySetState, fact: Fact): PolicySetState {
  if (fact.type === 'credence.policy.policyset.drafted.v1') {
    const { version, author, comment, policy_parts, schema_parts, drafted_at: draftedAt } = fact.data
    const come = { policies: none(policy_parts), schema: none(schema_parts) }
    return state ?? { version, author, comment, draftedAt, come }
  }
  return state && change(state, fact)
}

const none = (count: number): boolean[] => Array<boolean>(count).fill(false)

function change(state: PolicySet, fact: Fact): PolicySet {
  switch (fact.type) {
    case 'credence.policy.policyset.text_added.v1': {
      const { of, part } = fact.data
      return { ...state, come: { ...state.come, [of]: state.come[of].with(part, true) } }
    }
    case 'credence.policy.policyset.validated.v1':
      return { ...state, validated: fact.data }
    case 'credence.policy.policyset.signed_off.v1':
      return { ...state, signedOff: { by: fact.data.by, comment: fact.data.comment } }
    case 'credence.policy.policyset.retired.v1':
      return { ...state, retired: true }
    default:
      return state
  }
}

/** All parts have come. */
export const isComplete = ({ come }: PolicySet): boolean => ![...come.policies, ...come.schema].includes(false)

export type Parts = { policies: readonly string[]; schema: readonly string[] }
type Draft = Parts & { version: string; author: string; comment: string; now: Date }

/** The same text again changes nothing, whoever sends it. @throws CredenceError `policies_retired` */
export function draftPolicies(state: PolicySetState, draft: Draft): PolicyFact[] {
  if (state) {
    refuseRetired(state)
    return []
  }
  const { version, author, comment, policies, schema, now } = draft
  const parts = { policy_parts: policies.length, schema_parts: schema.length }
  const data = { version, ...parts, comment, author, drafted_at: now.toISOString() }
  return [{ type: 'credence.policy.policyset.drafted.v1', data }]
}

/**
 * The first part that has not come yet, one fact a commit: text has to fit into events. Nothing when all have come, so a
 * draft that was cut off can be sent again.
 */
export function addText(state: PolicySetState, { policies, schema }: Parts): PolicyFact[] {
  if (!state) return []
  for (const [of, parts] of [['policies', policies] as const, ['schema', schema] as const]) {
    const part = state.come[of].indexOf(false)
    const text = parts[part]
    if (part >= 0 && text !== undefined)
      return [{ type: 'credence.policy.policyset.text_added.v1', data: { version: state.version, of, part, text } }]
  }
  return []
}

/** @throws CredenceError `policies_not_found` */
export function knownPolicies(state: PolicySetState, version: string): PolicySet {
  if (!state) throw notFound('policies', version)
  return state
}

/** @throws CredenceError `policies_incomplete` when parts of the text are missing */
export function completePolicies(state: PolicySetState, version: string): PolicySet {
  const known = knownPolicies(state, version)
  refuseRetired(known)
  if (!isComplete(known))
    throw precondition('policies_incomplete', 'Parts of the text have not come. Send the same draft again.')
  return known
}

/** Records that the checks found no error. The same result again changes nothing. */
export function validatePolicies(state: PolicySetState, checked: Validated): PolicyFact[] {
  const { validated } = completePolicies(state, checked.version)
  const same = validated?.engine === checked.engine && validated.schema_digest === checked.schema_digest
  return same ? [] : [{ type: 'credence.policy.policyset.validated.v1', data: checked }]
}

/** @throws CredenceError `not_validated` */
export function validatedPolicies(state: PolicySetState, version: string): PolicySet & { validated: Validated } {
  const known = completePolicies(state, version)
  const { validated } = known
  if (!validated) throw precondition('not_validated', 'This version has not passed the checks: validate it first.')
  return { ...known, validated }
}

/** @throws CredenceError `second_person_needed` when the author signs */
export function signOffPolicies(
  state: PolicySetState,
  { version, by, comment }: { version: string; by: string; comment: string },
): PolicyFact[] {
  const { author, signedOff } = validatedPolicies(state, version)
  if (by === author)
    throw forbidden('second_person_needed', 'You drafted this version: somebody else has to sign it off.')
  if (signedOff) return []
  return [{ type: 'credence.policy.policyset.signed_off.v1', data: { version, by, comment } }]
}

/** @param inUse why it cannot end now: it is active, or decided beside the active one */
export function retirePolicies(
  state: PolicySetState,
  version: string,
  inUse: 'active' | 'reporting' | undefined,
): PolicyFact[] {
  const { retired } = knownPolicies(state, version)
  if (retired) return []
  if (inUse === 'active')
    throw precondition('policies_active', 'The active version cannot be retired: activate another one first.')
  if (inUse === 'reporting')
    throw precondition('policies_reporting', 'This version is in report-only: stop that first.')
  return [{ type: 'credence.policy.policyset.retired.v1', data: { version } }]
}

function refuseRetired({ retired }: PolicySet): void {
  if (retired)
    throw precondition('policies_retired', 'This version was retired, and stays so. Change the text to draft anew.')
}
