/** Delegations, read one by one and page by page. */
import { forbidden } from '@credence/contracts/errors'
import { AgentId, DelegationId, HumanId } from '@credence/contracts/events/values'
import { notBefore, waitFor } from '@credence/shared/rpc/fields'
import { pageFields, pageOf } from '@credence/shared/rpc/pages'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import type { Context } from '../context.ts'
import { endOf, knownDelegation, showDelegation } from './delegation-view.ts'
import { hasRole, isHuman } from './standing.ts'

const OVERSEERS = ['security-operator', 'auditor'] as const

export const delegationListMethods = ({ principals, followers, clock }: Context) => ({
  getDelegation: method({
    allow: ['human', 'agent', ...OVERSEERS, 'service'],
    input: z.object({ delegationId: DelegationId, notBefore }),
    handle: async (input, caller) => {
      await waitFor(input.notBefore, followers)
      const delegation = knownDelegation(principals, input.delegationId)
      const chain = principals.delegationChain(input.delegationId) ?? []
      const inside = caller.kind === 'agent' && chain.some(({ agent }) => agent === caller.agent)
      if (!inside && !isHuman(caller, delegation.human) && !hasRole(caller, [...OVERSEERS, 'service']))
        throw forbidden('not_your_delegation', 'A delegation is shown to its human and to the agents of its chain.')
      return { delegation: showDelegation(delegation, principals, clock()) }
    },
  }),
  listDelegations: method({
    allow: ['human', ...OVERSEERS],
    input: z.object({
      humanId: z.union([HumanId, z.literal('')]),
      agentId: z.union([AgentId, z.literal('')]),
      liveOnly: z.boolean(),
      ...pageFields,
    }),
    handle: async ({ humanId, agentId, liveOnly, ...page }, caller) => {
      const oversees = hasRole(caller, OVERSEERS)
      if (humanId !== '' && humanId !== caller.id && !oversees)
        throw forbidden('not_your_delegations', 'You may list your own delegations only.')
      // Whoever oversees may ask about an agent, whoever delegated to it.
      const human = humanId || (oversees && agentId ? '' : caller.id)
      const now = clock()
      const show = (id: string) => {
        const found = knownDelegation(principals, id)
        if (human && found.human !== human) return undefined
        if (agentId && found.agent !== agentId) return undefined
        return liveOnly && endOf(found, principals, now) ? undefined : showDelegation(found, principals, now)
      }
      const { shown, nextPageToken } = pageOf('delegations', principals.delegationsOf(agentId || human), page, show)
      return { delegations: shown, nextPageToken }
    },
  }),
})
