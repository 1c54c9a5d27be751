/** How an agent comes to be: registered by a platform or spawned by another. (attested-life.ts: then active by attestation.) */

import { CredenceError, invalid, notFound, precondition } from '@credence/contracts/errors'
import type { EventData, IdentityFact } from '@credence/contracts/events/catalog'
import type { PublicJwk } from '@credence/contracts/events/identity'
import type { Model } from '@credence/contracts/events/values'
import type { Agent, AgentEnd, AgentState } from '@credence/contracts/principals/agent'
import type { BlueprintState } from '@credence/contracts/principals/blueprint'
import { refuseInactive } from './agent-life.ts'

/** What the agent is; the same for one that a platform registers and one that an agent spawns. */
export type Description = {
  agent: string
  spiffeId: string
  purpose: string
  model: Model
  promptDigest: string
  toolManifestDigest: string
  publicJwk: PublicJwk
  keyThumbprint: string
  lifetimeSeconds: number
  labels: Record<string, string>
}

export type Registration = Description & {
  blueprint: string
  kind: 'ephemeral' | 'continuous'
  autonomy: 'delegated' | 'autonomous'
}

export function registerAgent(
  state: AgentState,
  command: Registration,
  blueprint: BlueprintState,
  now: Date,
): IdentityFact[] {
  if (!blueprint) throw notFound('blueprint', command.blueprint)
  if (blueprint.withdrawn) throw precondition('blueprint_withdrawn', 'The blueprint was withdrawn.')
  const { maximum_spawn_depth, sponsor, owner } = blueprint
  return register(state, command, blueprint, now, {
    sponsor,
    owner,
    kind: command.kind,
    autonomy: command.autonomy,
    spawn_depth_left: maximum_spawn_depth,
  })
}

/**
 * A child is of its parent's blueprint and answers to the same people; it lives no longer and may spawn one generation
 * less.
 * @param parentEnd why the parent, or one above it, has ended
 */
export function spawnAgent(
  state: AgentState,
  command: Description,
  context: { parent: Agent; parentEnd: AgentEnd | undefined; blueprint: BlueprintState; now: Date },
): IdentityFact[] {
  const { parent, parentEnd, blueprint, now } = context
  refuseInactive(parent, parentEnd)
  if (parent.spawn_depth_left < 1)
    throw precondition('depth_exhausted', 'The blueprint allows no further generation of agents here.')
  if (!blueprint) throw notFound('blueprint', parent.blueprint)
  const life = Math.floor((new Date(parent.expires_at).getTime() - now.getTime()) / 1000)
  if (!blueprint.children_survive && command.lifetimeSeconds > life)
    throw invalid('lifetime_seconds', `must be at most ${life}, what is left of the parent's life`)
  const { sponsor, owner, kind, autonomy } = parent
  const spawn_depth_left = parent.spawn_depth_left - 1
  return register(state, command, blueprint, now, {
    sponsor,
    owner,
    kind,
    autonomy,
    spawn_depth_left,
    parent: parent.agent,
    ...(blueprint.children_survive ? { survives_parent: true } : {}),
  })
}

type Standing = Pick<
  EventData<'credence.identity.agent.registered.v1'>,
  'sponsor' | 'owner' | 'kind' | 'autonomy' | 'spawn_depth_left' | 'parent' | 'survives_parent'
>

function register(
  state: AgentState,
  command: Description,
  blueprint: NonNullable<BlueprintState>,
  now: Date,
  standing: Standing,
): IdentityFact[] {
  if (state) throw new CredenceError('already_exists', 'agent_exists', 'There is an agent with this id already.')
  const { provider, name } = command.model
  if (!blueprint.allowed_models.some((allowed) => allowed.provider === provider && allowed.name === name)) {
    const allowed = blueprint.allowed_models.map((model) => `${model.provider}/${model.name}`).join(', ')
    throw invalid('model', `must be one that the blueprint allows: ${allowed || 'none'}`)
  }
  if (command.lifetimeSeconds > blueprint.maximum_lifetime_seconds)
    throw invalid('lifetime_seconds', `must be at most ${blueprint.maximum_lifetime_seconds}, the blueprint's maximum`)
  const data = {
    agent: command.agent,
    spiffe_id: command.spiffeId,
    blueprint: blueprint.blueprint,
    purpose: command.purpose,
    model: command.model,
    prompt_digest: command.promptDigest,
    tool_manifest_digest: command.toolManifestDigest,
    public_jwk: command.publicJwk,
    key_thumbprint: command.keyThumbprint,
    expires_at: new Date(now.getTime() + command.lifetimeSeconds * 1000).toISOString(),
    ...(Object.keys(command.labels).length > 0 ? { labels: command.labels } : {}),
    ...standing,
  }
  return [{ type: 'credence.identity.agent.registered.v1', data }]
}
