/** Who answers for a blueprint and its agents, and who runs them day to day. */
import { invalid } from '@credence/contracts/errors'
import { AgentId, HumanId, Prose, Slug } from '@credence/contracts/events/values'
import { actorOf } from '@credence/shared/callers/caller'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { changeAgentOwner } from '../../domain/agent-life.ts'
import { acceptSponsorship, changeOwner, proposeSponsor } from '../../domain/blueprint.ts'
import type { Context } from '../context.ts'
import { showBlueprint } from './blueprints.ts'
import { knownAgent, knownBlueprint, refuseUnlessSponsor } from './standing.ts'

const Of = z.discriminatedUnion(
  '$case',
  [z.object({ $case: z.literal('blueprint'), value: Slug }), z.object({ $case: z.literal('agentId'), value: AgentId })],
  'must name a blueprint or an agent',
)

export const sponsorshipMethods = ({ principals, writer, clock, barrier }: Context) => ({
  proposeSponsor: method({
    allow: ['security-operator', 'human'],
    input: z.object({ name: Slug, sponsor: HumanId }),
    handle: async ({ name, sponsor }, caller) => {
      refuseUnlessSponsor(caller, knownBlueprint(principals, name).sponsor, ['security-operator'])
      await barrier()
      const { position } = await writer.execute(principals.blueprints, {
        id: name,
        actor: actorOf(caller),
        now: clock(),
        decide: (state) => proposeSponsor(state, { blueprint: name, sponsor, isActive: principals.isThere(sponsor) }),
      })
      return { position }
    },
  }),
  acceptSponsorship: method({
    allow: ['human'],
    input: z.object({ name: Slug }),
    handle: async ({ name }, caller) => {
      const { position } = await writer.execute(principals.blueprints, {
        id: name,
        actor: actorOf(caller),
        now: clock(),
        decide: (state) => {
          const isActive = principals.isThere(caller.id)
          return acceptSponsorship(state, { blueprint: name, human: caller.id, isActive })
        },
      })
      return { blueprint: showBlueprint(knownBlueprint(principals, name)), position }
    },
  }),
  changeOwner: method({
    allow: ['security-operator', 'human'],
    input: z.object({ of: Of, owner: HumanId, reason: Prose }),
    handle: async ({ of, owner, reason }, caller) => {
      await barrier()
      const now = clock()
      const about = { id: of.value, actor: actorOf(caller), now }
      const sponsor =
        of.$case === 'blueprint'
          ? knownBlueprint(principals, of.value).sponsor
          : principals.sponsorOf(knownAgent(principals, of.value))
      refuseUnlessSponsor(caller, sponsor, ['security-operator'])
      if (!principals.isThere(owner)) throw invalid('owner', 'must be a person who is known and still there')
      const { position } =
        of.$case === 'blueprint'
          ? await writer.execute(principals.blueprints, {
              ...about,
              decide: (state) => changeOwner(state, { blueprint: of.value, owner, reason }),
            })
          : await writer.execute(principals.agents, {
              ...about,
              decide: (state) => changeAgentOwner(state, { id: of.value, owner, reason }, now),
            })
      return { position }
    },
  }),
})
