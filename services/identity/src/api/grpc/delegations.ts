/** Authority given, passed on, and taken back. */
import { forbidden } from '@credence/contracts/errors'
import { AgentId, DelegationId, Prose } from '@credence/contracts/events/values'
import { actorOf } from '@credence/shared/callers/caller'
import { newId } from '@credence/shared/ids'
import { notBefore, seconds, waitFor } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { MAX_LIFETIME_SECONDS, passOnDelegation, revokeDelegation } from '../../domain/delegation.ts'
import type { Context } from '../context.ts'
import { giveDelegation } from '../give-delegation.ts'
import { handOut, knownDelegation } from './delegation-view.ts'
import { Details } from './schemas.ts'
import { activeAgent, asAgent, hasRole, isHuman, knownAgent } from './standing.ts'

const Wanted = z.object({
  agentId: AgentId,
  authorizationDetails: Details,
  purpose: Prose,
  lifetimeSeconds: seconds(MAX_LIFETIME_SECONDS),
  maximumDepth: z.int().min(0, 'must be from 0 to 8').max(8, 'must be from 0 to 8'),
  narrow: z.boolean(),
})

export const delegationMethods = (context: Context) => {
  const { principals, writer, clock, barrier } = context

  const receiver = (id: string, now: Date) => {
    const agent = knownAgent(principals, id)
    return { agent, agentEnd: principals.agentEnd(id, now), blueprint: principals.blueprint(agent.blueprint) }
  }

  return {
    grantDelegation: method({
      allow: ['human'],
      input: Wanted.extend({ notBefore }),
      handle: async (input, caller) => {
        await waitFor(input.notBefore, context.followers)
        await barrier()
        const delegation = newId('dlg')
        const signIn = caller.kind === 'human' ? caller.signIn : undefined
        const giving = { human: caller.id, signIn, agentId: input.agentId, wanted: { ...input, delegation } }
        const position = await giveDelegation(context, giving)
        return { ...(await handOut(context, delegation)), position }
      },
    }),
    passOnDelegation: method({
      allow: ['agent'],
      input: Wanted.extend({ delegationId: DelegationId }),
      handle: async (input, anyone) => {
        const caller = asAgent(anyone)
        await barrier()
        const now = clock()
        const delegation = newId('dlg')
        const { position } = await writer.execute(principals.delegations, {
          id: delegation,
          actor: actorOf(caller),
          correlation: { delegation, human: knownDelegation(principals, input.delegationId).human },
          causation: input.delegationId,
          now,
          decide: (state) => {
            const parent = knownDelegation(principals, input.delegationId)
            if (parent.agent === caller.agent) activeAgent(principals, caller.agent, now)
            const parentEnd = principals.delegationEnd(input.delegationId, now)
            const to = receiver(input.agentId, now)
            return passOnDelegation(
              state,
              { ...input, delegation },
              { parent, parentEnd, from: receiver(caller.agent, now), to, now },
            )
          },
        })
        return { ...(await handOut(context, delegation)), position }
      },
    }),
    revokeDelegation: method({
      allow: ['human', 'agent', 'security-operator'],
      input: z.object({ delegationId: DelegationId, reason: Prose }),
      handle: async ({ delegationId, reason }, caller) => {
        const { human, agent } = knownDelegation(principals, delegationId)
        const holds = caller.kind === 'agent' && caller.agent === agent
        if (!holds && !isHuman(caller, human) && !hasRole(caller, ['security-operator']))
          throw forbidden(
            'not_your_delegation',
            'Only the human who granted it, the agent that holds it, or a security operator can end a delegation.',
          )
        const { position } = await writer.execute(principals.delegations, {
          id: delegationId,
          actor: actorOf(caller),
          correlation: { delegation: delegationId, human },
          now: clock(),
          decide: (state) => revokeDelegation(state, delegationId, reason),
        })
        return { endedDelegationIds: principals.withDescendants(delegationId), position }
      },
    }),
  }
}
