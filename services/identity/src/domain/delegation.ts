/** Authority that a human gives to one agent, or an agent passes on to a child. It only ever narrows. */
import {
  type AuthorizationDetail,
  type DroppedAuthority,
  dropped,
  misfits,
  narrow,
} from '@credence/contracts/authority'
import {
  CredenceError,
  type FieldViolation,
  forbidden,
  invalid,
  notFound,
  precondition,
} from '@credence/contracts/errors'
import type { IdentityFact } from '@credence/contracts/events/catalog'
import type { SignIn } from '@credence/contracts/events/identity'
import { type Agent, type AgentEnd, isHeld } from '@credence/contracts/principals/agent'
import type { Blueprint, BlueprintState } from '@credence/contracts/principals/blueprint'
import type { Delegation, DelegationEnd, DelegationState } from '@credence/contracts/principals/delegation'
import type { Human, HumanState } from '@credence/contracts/principals/human'
import { heldBecause, refuseInactive } from './agent-life.ts'

export type Wanted = {
  delegation: string
  authorizationDetails: AuthorizationDetail[]
  purpose: string
  lifetimeSeconds: number
  maximumDepth: number
  /** True: what does not fit is cut away and told, instead of refused. */
  narrow: boolean
  /** The request that it answers. */
  request?: string
}

/** Longest delegation that a human may give, or mandate that a sponsor may sign off: 30 days. */
export const MAX_LIFETIME_SECONDS = 30 * 86_400
/** How many times anything may be passed on at most. */
export const MAX_PASSES = 8

type Receiver = { agent: Agent; agentEnd: AgentEnd | undefined; blueprint: BlueprintState }

/**
 * A human at the root. What is given must lie inside the ceiling of the agent's blueprint. How they had signed in stands at
 * this root, and nowhere below it.
 */
export function grantDelegation(
  state: DelegationState,
  wanted: Wanted & { signIn?: SignIn | undefined },
  grantor: HumanState,
  to: Receiver,
  now: Date,
): IdentityFact[] {
  const { human, departures } = present(grantor)
  if (to.agent.autonomy !== 'delegated')
    throw precondition('agent_autonomous', 'This agent works under a mandate of its blueprint; nobody delegates to it.')
  refuseBeyondBounds(wanted)
  const expires_at = new Date(now.getTime() + wanted.lifetimeSeconds * 1000).toISOString()
  const root = {
    human,
    expires_at,
    ...(departures > 0 ? { stay: departures } : {}),
    ...(wanted.signIn ? { sign_in: wanted.signIn } : {}),
  }
  return give(state, wanted, to, root, now)
}

/** A sign-in can outlive an employment. @throws CredenceError for one who has left, or was never recognised */
export function present(human: HumanState): Human {
  if (!human) throw forbidden('human_unknown', 'You are not known here yet: sign in again.')
  if (!human.active) throw forbidden('human_deactivated', 'Who has left gives nothing any more.')
  return human
}

/** @throws CredenceError `invalid_argument` for a life or a depth that nothing may have */
export function refuseBeyondBounds(wanted: { lifetimeSeconds: number; maximumDepth: number }): void {
  const { lifetimeSeconds, maximumDepth } = wanted
  if (!(lifetimeSeconds >= 1 && lifetimeSeconds <= MAX_LIFETIME_SECONDS))
    throw invalid('lifetime_seconds', `must be from 1 to ${MAX_LIFETIME_SECONDS}`)
  if (!(maximumDepth >= 0 && maximumDepth <= MAX_PASSES))
    throw invalid('maximum_depth', `must be from 0 to ${MAX_PASSES}`)
}

/**
 * An agent passes on a part of what it holds, to an agent that it spawned itself.
 * @param parentEnd why the delegation that is passed on, or one above it, no longer counts
 */
export function passOnDelegation(
  state: DelegationState,
  wanted: Wanted,
  context: {
    parent: Delegation
    parentEnd: DelegationEnd | undefined
    from: Omit<Receiver, 'blueprint'>
    to: Receiver
    now: Date
  },
): IdentityFact[] {
  const { parent, parentEnd, from, to, now } = context
  const caller = from.agent.agent
  if (parent.agent !== caller)
    throw forbidden('delegation_of_another_agent', 'Only the agent that holds a delegation can pass it on.')
  refuseInactive(from.agent, from.agentEnd)
  if (parentEnd) throw precondition(parentEnd, 'A delegation that no longer counts cannot be passed on.')
  if (to.agent.parent !== caller)
    throw forbidden('not_your_child', 'A delegation can be passed on only to an agent that you spawned.')
  if (parent.maximum_depth < 1) throw precondition('depth_exhausted', 'This delegation may not be passed on.')
  if (wanted.maximumDepth >= parent.maximum_depth)
    throw invalid(
      'maximum_depth',
      `must be less than ${parent.maximum_depth}, that of the delegation that is passed on`,
    )
  refuseBeyondBounds(wanted)
  const asked = new Date(now.getTime() + wanted.lifetimeSeconds * 1000)
  if (asked > new Date(parent.expires_at))
    throw invalid('lifetime_seconds', `must end by ${parent.expires_at}, when the delegation that is passed on ends`)
  const root = { human: parent.human, expires_at: asked.toISOString(), parent: parent.delegation }
  return give(state, wanted, to, root, now, parent)
}

function give(
  state: DelegationState,
  wanted: Wanted,
  to: Receiver,
  root: { human: string; expires_at: string; parent?: string; stay?: number; sign_in?: SignIn },
  now: Date,
  parent?: Delegation,
): IdentityFact[] {
  if (state)
    throw new CredenceError('already_exists', 'delegation_exists', 'There is a delegation with this id already.')
  if (to.agentEnd) throw precondition(to.agentEnd, 'The agent has ended; nothing can be delegated to it.')
  if (isHeld(to.agent)) throw heldBecause(to.agent)
  if (!to.blueprint) throw notFound('blueprint', to.agent.blueprint)
  const cut = fitted(wanted, parent, to.blueprint)
  const data = {
    delegation: wanted.delegation,
    agent: to.agent.agent,
    authorization_details: cut.given,
    purpose: wanted.purpose,
    not_before: now.toISOString(),
    maximum_depth: wanted.maximumDepth,
    ...root,
    ...(cut.dropped.length > 0 ? { dropped: cut.dropped } : {}),
    ...(wanted.request ? { request: wanted.request } : {}),
  }
  return [{ type: 'credence.identity.delegation.granted.v1', data }]
}

/** What is asked, when all of it fits; cut to what fits, when the caller wants that. */
function fitted(
  wanted: Wanted,
  parent: Delegation | undefined,
  blueprint: Blueprint,
): { given: AuthorizationDetail[]; dropped: DroppedAuthority[] } {
  const { authorizationDetails } = wanted
  if (!wanted.narrow) {
    if (parent) refuseWider(authorizationDetails, parent)
    refuseOutside(authorizationDetails, blueprint)
    return { given: authorizationDetails, dropped: [] }
  }
  const cut = narrow(authorizationDetails, [
    ...(parent ? [{ details: parent.authorization_details, reason: 'outside_delegation' }] : []),
    { details: blueprint.ceiling, reason: 'outside_ceiling' },
  ])
  if (cut.given.length === 0) throw precondition('nothing_left', 'Nothing of what was asked fits.')
  return cut
}

function refuseWider(asked: AuthorizationDetail[], parent: Delegation): void {
  const wider = outside(asked, parent.authorization_details)
  if (wider.length === 0) return
  const rule = 'each must lie inside one of those of the delegation that is passed on'
  throw new CredenceError('invalid_argument', 'outside_delegation', `${rule}; ${listed(wider)}`, wider)
}

/** @throws CredenceError `failed_precondition` naming every part that is above the ceiling */
export function refuseOutside(asked: AuthorizationDetail[], blueprint: Blueprint): void {
  const above = outside(asked, blueprint.ceiling)
  if (above.length === 0) return
  const rule = `Agents of the blueprint "${blueprint.blueprint}" may never hold all of this; ${listed(above)}`
  throw new CredenceError('failed_precondition', 'outside_ceiling', rule, above)
}

/** The details that no single object of `given` covers, each under its place in the request. */
function outside(asked: AuthorizationDetail[], given: AuthorizationDetail[]): FieldViolation[] {
  return dropped(asked, given, 'outside').map(({ detail }) => ({
    field: `authorization_details.${asked.indexOf(detail)}`,
    description: `${clipped(detail.actions)} on ${clipped(detail.resources)} at ${clipped(detail.locations)} does not fit: ${cause(detail, given)}`,
  }))
}

function cause(detail: AuthorizationDetail, given: AuthorizationDetail[]): string {
  const wider = misfits(detail, given)
  return wider.length > 0 ? `wider in ${wider.join(' and ')}` : 'no single one of them covers all of it'
}

const clipped = (names: string[]): string => names.slice(0, 3).join(', ') + (names.length > 3 ? ', …' : '')
const listed = (violations: FieldViolation[]): string =>
  violations.map(({ field, description }) => `${field}: ${description}`).join('; ')

/** Ends a delegation for good. Ending it again changes nothing. */
export function revokeDelegation(state: DelegationState, id: string, reason: string): IdentityFact[] {
  if (!state) throw notFound('delegation', id)
  return state.revoked ? [] : [{ type: 'credence.identity.delegation.revoked.v1', data: { delegation: id, reason } }]
}
