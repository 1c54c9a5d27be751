/** A class of agents: what any of them may ever be and hold, and who answers for them. */

import { CredenceError, forbidden, invalid, notFound, precondition } from '@credence/contracts/errors'
import type { EventData, IdentityFact } from '@credence/contracts/events/catalog'
import type { Blueprint, BlueprintState } from '@credence/contracts/principals/blueprint'

/** A name is given once and never again. */
export function createBlueprint(
  state: BlueprintState,
  blueprint: EventData<'credence.identity.blueprint.created.v1'>,
): IdentityFact[] {
  if (state)
    throw new CredenceError(
      'already_exists',
      'blueprint_exists',
      `There is a blueprint "${blueprint.blueprint}" already.`,
    )
  return [{ type: 'credence.identity.blueprint.created.v1', data: blueprint }]
}

function known(state: BlueprintState, name: string): Blueprint {
  if (!state) throw notFound('blueprint', name)
  return state
}

/**
 * Nobody becomes accountable without their word. Proposing the sponsor takes an open proposal back.
 * @param command.isActive whether the one proposed is still there
 */
export function proposeSponsor(
  state: BlueprintState,
  command: { blueprint: string; sponsor: string; isActive: boolean },
): IdentityFact[] {
  const { blueprint, sponsor } = command
  const { sponsor: current, proposedSponsor } = known(state, blueprint)
  if (!command.isActive) throw invalid('sponsor', 'must be a person who is still there')
  if (sponsor === (proposedSponsor ?? current)) return []
  return [{ type: 'credence.identity.blueprint.sponsor_proposed.v1', data: { blueprint, sponsor } }]
}

/** @param command.isActive whether the one who accepts is still there: a sign-in can outlive an employment */
export function acceptSponsorship(
  state: BlueprintState,
  command: { blueprint: string; human: string; isActive: boolean },
): IdentityFact[] {
  const { sponsor: previous, proposedSponsor } = known(state, command.blueprint)
  const { blueprint, human } = command
  if (previous === human) return []
  if (proposedSponsor !== human) throw forbidden('not_proposed', 'Nobody asked you to become the sponsor of it.')
  if (!command.isActive) throw forbidden('human_deactivated', 'Who has left cannot answer for agents.')
  const data = { blueprint, sponsor: human, previous, cause: 'accepted' as const }
  return [{ type: 'credence.identity.blueprint.sponsor_changed.v1', data }]
}

/** By rule, when a sponsor has left: the first in line who is there. Nobody in line: nothing, and time of grace runs. */
export function succeedSponsor(
  state: BlueprintState,
  left: string,
  successor: { human: string; cause: 'manager' | 'group' } | undefined,
): IdentityFact[] {
  if (state?.sponsor !== left || !successor) return []
  const data = { blueprint: state.blueprint, sponsor: successor.human, previous: left, cause: successor.cause }
  return [{ type: 'credence.identity.blueprint.sponsor_changed.v1', data }]
}

export function changeOwner(
  state: BlueprintState,
  command: { blueprint: string; owner: string; reason: string },
): IdentityFact[] {
  const { blueprint, owner, reason } = command
  const { owner: previous } = known(state, blueprint)
  if (owner === previous) return []
  return [{ type: 'credence.identity.blueprint.owner_changed.v1', data: { blueprint, owner, previous, reason } }]
}

export function withdrawBlueprint(state: BlueprintState, blueprint: string, reason: string): IdentityFact[] {
  if (known(state, blueprint).withdrawn) return []
  return [{ type: 'credence.identity.blueprint.withdrawn.v1', data: { blueprint, reason } }]
}

export function restoreBlueprint(
  state: BlueprintState,
  command: { blueprint: string; reason: string; sponsorIsActive: boolean },
): IdentityFact[] {
  const { blueprint, reason } = command
  if (!known(state, blueprint).withdrawn) return []
  if (!command.sponsorIsActive) throw precondition('no_sponsor', 'Its sponsor has left. Propose another sponsor first.')
  return [{ type: 'credence.identity.blueprint.restored.v1', data: { blueprint, reason } }]
}
