/** A class of agents: what any of them may ever be and hold. */

import { CredenceError } from '@credence/contracts/errors'
import type { IdentityFact } from '@credence/contracts/events/catalog'
import type { Blueprint, BlueprintState } from '@credence/contracts/principals/blueprint'

/** A name is given once and never again. */
export function createBlueprint(state: BlueprintState, blueprint: Blueprint): IdentityFact[] {
  if (state)
    throw new CredenceError(
      'already_exists',
      'blueprint_exists',
      `There is a blueprint "${blueprint.blueprint}" already.`,
    )
  return [{ type: 'credence.identity.blueprint.created.v1', data: blueprint }]
}
