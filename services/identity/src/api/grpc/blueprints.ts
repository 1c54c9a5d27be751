/** Classes of agents: made, read, withdrawn and restored, and who answers for them. */
import { invalid } from '@credence/contracts/errors'
import { HumanId, Prose, RedirectUri, Slug } from '@credence/contracts/events/values'
import type { Blueprint as Shown } from '@credence/contracts/gen/credence/identity/v1/identity'
import type { Blueprint } from '@credence/contracts/principals/blueprint'
import { actorOf, type Caller } from '@credence/shared/callers/caller'
import { pageFields, pageOf } from '@credence/shared/rpc/pages'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { createBlueprint, restoreBlueprint, withdrawBlueprint } from '../../domain/blueprint.ts'
import type { Context } from '../context.ts'
import { Details, GroupName, Lifetime } from './schemas.ts'
import { knownBlueprint, refuseUnlessSponsor } from './standing.ts'

const Person = z.union([HumanId, z.literal('')])
const ModelName = z.object({ provider: z.string().min(1).max(100), name: z.string().min(1).max(100) })
const Why = z.object({ name: Slug, reason: Prose })

export const blueprintMethods = ({ principals, writer, clock, barrier }: Context) => ({
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
      childrenSurvive: z.boolean(),
      successorGroup: z.union([GroupName, z.literal('')]),
      redirectUris: z.array(RedirectUri).max(8, 'must be at most 8'),
    }),
    handle: async (input, caller) => {
      await barrier()
      const sponsor = input.sponsor || humanOf(caller)
      const owner = input.owner || sponsor
      for (const [field, human] of Object.entries({ sponsor, owner }))
        if (!principals.isThere(human)) throw invalid(field, 'must be a person who is known and still there')
      const blueprint = {
        blueprint: input.name,
        purpose: input.purpose,
        sponsor,
        owner,
        ceiling: input.ceiling,
        allowed_models: input.allowedModels,
        maximum_lifetime_seconds: input.maximumLifetimeSeconds,
        maximum_spawn_depth: input.maximumSpawnDepth,
        ...(input.childrenSurvive ? { children_survive: true } : {}),
        ...(input.successorGroup ? { successor_group: input.successorGroup } : {}),
        ...(input.redirectUris.length > 0 ? { redirect_uris: input.redirectUris } : {}),
      }
      const { position } = await writer.execute(principals.blueprints, {
        id: input.name,
        actor: actorOf(caller),
        now: clock(),
        decide: (state) => createBlueprint(state, blueprint),
      })
      return { blueprint: showBlueprint({ ...blueprint, withdrawn: false }), position }
    },
  }),
  getBlueprint: method({
    allow: ['platform', 'sponsor', 'security-operator', 'auditor', 'service'],
    input: z.object({ name: Slug }),
    handle: async ({ name }) => ({ blueprint: showBlueprint(knownBlueprint(principals, name)) }),
  }),
  listBlueprints: method({
    allow: ['platform', 'sponsor', 'security-operator', 'auditor'],
    input: z.object(pageFields),
    handle: async (page) => {
      const names = [...principals.blueprints.all()].map(([name]) => name)
      const show = (name: string) => {
        const found = principals.blueprint(name)
        return found && showBlueprint(found)
      }
      const { shown, nextPageToken } = pageOf('blueprints', names, page, show)
      return { blueprints: shown, nextPageToken }
    },
  }),
  withdrawBlueprint: method({
    allow: ['security-operator', 'human'],
    input: Why,
    handle: async ({ name, reason }, caller) => {
      refuseUnlessSponsor(caller, knownBlueprint(principals, name).sponsor, ['security-operator'])
      const { position } = await writer.execute(principals.blueprints, {
        id: name,
        actor: actorOf(caller),
        now: clock(),
        decide: (state) => withdrawBlueprint(state, name, reason),
      })
      return { position }
    },
  }),
  restoreBlueprint: method({
    allow: ['security-operator', 'human'],
    input: Why,
    handle: async ({ name, reason }, caller) => {
      refuseUnlessSponsor(caller, knownBlueprint(principals, name).sponsor, ['security-operator'])
      await barrier()
      const { position } = await writer.execute(principals.blueprints, {
        id: name,
        actor: actorOf(caller),
        now: clock(),
        decide: (state) => {
          const sponsorIsActive = principals.isThere(state?.sponsor ?? '')
          return restoreBlueprint(state, { blueprint: name, reason, sponsorIsActive })
        },
      })
      return { position }
    },
  }),
})

function humanOf(caller: Caller): string {
  if (caller.kind === 'human') return caller.id
  throw invalid('sponsor', 'must name an accountable human when no human makes the call')
}

export const showBlueprint = (blueprint: Blueprint): Shown => ({
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
