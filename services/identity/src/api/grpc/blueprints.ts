import { invalid, notFound } from '@credence/contracts/errors'
import { HumanId, Prose, RedirectUri, Slug } from '@credence/contracts/events/values'
import type { Blueprint } from '@credence/contracts/principals/blueprint'
import { actorOf, type Caller } from '@credence/shared/callers/caller'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { createBlueprint } from '../../domain/blueprint.ts'
import type { Context } from '../context.ts'
import { Details, Lifetime } from './schemas.ts'

const Person = z.union([HumanId, z.literal('')])
const ModelName = z.object({ provider: z.string().min(1).max(100), name: z.string().min(1).max(100) })

export const blueprintMethods = ({ principals, writer, clock }: Context) => ({
  createBlueprint: method({
    allow: ['platform', 'sponsor'],
    input: z.object({
      name: Slug,
      purpose: Prose,
      sponsor: Person,
      owner: Person,
      ceiling: Details,
      allowedModels: z.array(ModelName).min(1, 'must not be empty').max(32),
      maximumLifetimeSeconds: Lifetime,
      maximumSpawnDepth: z.int().min(0, 'must be from 0 to 8').max(8, 'must be from 0 to 8'),
      redirectUris: z.array(RedirectUri).max(8, 'must be at most 8'),
    }),
    handle: async (input, caller) => {
      const sponsor = input.sponsor || humanOf(caller)
      const blueprint = {
        blueprint: input.name,
        purpose: input.purpose,
        sponsor,
        owner: input.owner || sponsor,
        ceiling: input.ceiling,
        allowed_models: input.allowedModels,
        maximum_lifetime_seconds: input.maximumLifetimeSeconds,
        maximum_spawn_depth: input.maximumSpawnDepth,
        ...(input.redirectUris.length > 0 ? { redirect_uris: input.redirectUris } : {}),
      }
      const { position } = await writer.execute(principals.blueprints, {
        id: input.name,
        actor: actorOf(caller),
        now: clock(),
        decide: (state) => createBlueprint(state, blueprint),
      })
      return { blueprint: shown({ ...blueprint, withdrawn: false }), position }
    },
  }),
  getBlueprint: method({
    allow: ['platform', 'sponsor', 'security-operator', 'auditor', 'service'],
    input: z.object({ name: Slug }),
    handle: async ({ name }) => {
      const found = principals.blueprint(name)
      if (!found) throw notFound('blueprint', name)
      return { blueprint: shown(found) }
    },
  }),
})

function humanOf(caller: Caller): string {
  if (caller.kind === 'human') return caller.id
  throw invalid('sponsor', 'must name an accountable human when no human makes the call')
}

const shown = (blueprint: Blueprint) => ({
  name: blueprint.blueprint,
  purpose: blueprint.purpose,
  sponsor: blueprint.sponsor,
  owner: blueprint.owner,
  ceiling: blueprint.ceiling,
  allowedModels: blueprint.allowed_models,
  maximumLifetimeSeconds: BigInt(blueprint.maximum_lifetime_seconds),
  maximumSpawnDepth: blueprint.maximum_spawn_depth,
  childrenSurvive: blueprint.children_survive ?? false,
  successorGroup: blueprint.successor_group ?? '',
  redirectUris: blueprint.redirect_uris ?? [],
  withdrawn: blueprint.withdrawn,
  proposedSponsor: blueprint.proposedSponsor ?? '',
})
