/** Which versions count: one is active, and up to three are decided beside it and enforce nothing. */
import { precondition } from '@credence/contracts/errors'
import type { Fact, PolicyFact } from '@credence/contracts/events/catalog'
import { type PolicySetState, validatedPolicies } from './policyset.ts'

export type Live = { active?: string; reporting: readonly string[] }

export const MAX_REPORTING = 3
const NONE: Live = { reporting: [] }

export const liveEvolution = { initialState: NONE, evolve }

function evolve(state: Live, fact: Fact): Live {
  switch (fact.type) {
    case 'credence.policy.live.activated.v1':
      return { ...state, active: fact.data.version }
    case 'credence.policy.live.report_started.v1':
      return { ...state, reporting: [...state.reporting, fact.data.version] }
    case 'credence.policy.live.report_stopped.v1':
      return { ...state, reporting: state.reporting.filter((version) => version !== fact.data.version) }
    default:
      return state
  }
}

/** How a version counts now. */
export const useOf = ({ active, reporting }: Live, version: string): 'active' | 'reporting' | undefined =>
  version === active ? 'active' : reporting.includes(version) ? 'reporting' : undefined

/**
 * Swaps the active version at once; what was active can be activated again. One that was decided beside it no longer is.
 * @param set the version, as policyset.ts has it
 * @throws CredenceError `not_validated`, `not_signed_off`
 */
export function activatePolicies(live: Live, set: PolicySetState, version: string): PolicyFact[] {
  const { signedOff } = validatedPolicies(set, version)
  if (!signedOff)
    throw precondition('not_signed_off', 'A second person has to sign this version off before it can be activated.')
  if (live.active === version) return []
  const data = { version, ...(live.active !== undefined && { previous: live.active }) }
  const activated: PolicyFact = { type: 'credence.policy.live.activated.v1', data }
  return live.reporting.includes(version) ? [activated, stopped(version)] : [activated]
}

/** @throws CredenceError `not_validated`, `policies_active`, `too_many_reporting` */
export function reportPolicies(live: Live, set: PolicySetState, version: string): PolicyFact[] {
  validatedPolicies(set, version)
  if (live.active === version)
    throw precondition('policies_active', 'This version is active: what it decides is recorded anyway.')
  if (live.reporting.includes(version)) return []
  if (live.reporting.length >= MAX_REPORTING)
    throw precondition(
      'too_many_reporting',
      `At most ${MAX_REPORTING} versions are decided beside the active one: stop one of ${live.reporting.join(', ')} first.`,
    )
  return [{ type: 'credence.policy.live.report_started.v1', data: { version } }]
}

export const stopReport = (live: Live, version: string): PolicyFact[] =>
  live.reporting.includes(version) ? [stopped(version)] : []

const stopped = (version: string): PolicyFact => ({ type: 'credence.policy.live.report_stopped.v1', data: { version } })
