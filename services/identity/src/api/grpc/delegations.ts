import { forbidden, notFound } from '@credence/contracts/errors'
import { AgentId, DelegationId, Prose } from '@credence/contracts/events/values'
import type { Delegation } from '@credence/contracts/principals/delegation'
import { actorOf } from '@credence/shared/callers/caller'
import { newId } from '@credence/shared/ids'
import { notBefore, seconds, waitFor } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { grantDelegation, MAX_LIFETIME_SECONDS, passOnDelegation, revokeDelegation } from '../../domain/delegation.ts'
import type { Context } from '../context.ts'
import { Details } from './schemas.ts'

const Wanted = z.object({
  agentId: AgentId,
  authorizationDetails: Details,
  purpose: Prose,
  lifetimeSeconds: seconds(MAX_LIFETIME_SECONDS),
  maximumDepth: z.int().min(0, 'must be from 0 to 8').max(8, 'must be from 0 to 8'),
  narrow: z.boolean(),
})

export const delegationMethods = (context: Context) => {
  const { principals, writer, clock } = context

  const receiver = (id: string, now: Date) => {
    const agent = principals.agent(id)
    if (!agent) throw notFound('agent', id)
    return { agent, agentEnd: principals.agentEnd(id, now), blueprint: principals.blueprint(agent.blueprint) }
  }
  const known = (id: string): Delegation => {
    const found = principals.delegation(id)
    if (!found) throw notFound('delegation', id)
    return found
  }
  const handOut = async (id: string, position: string) => {
    const delegation = known(id)
    return {
      delegation: shown(delegation),
      delegationToken: await context.delegationTokens.issue(delegation),
      position,
      dropped: delegation.dropped ?? [],
    }
  }

  return {
    grantDelegation: method({
      allow: ['human'],
      input: Wanted.extend({ notBefore }),
      handle: async (input, caller) => {
        await waitFor(input.notBefore, context.followers)
        const now = clock()
        const delegation = newId('dlg')
        const { position } = await writer.execute(principals.delegations, {
          id: delegation,
          actor: actorOf(caller),
          correlation: { delegation, human: caller.id },
          now,
          decide: (state) =>
            grantDelegation(
              state,
              { ...input, delegation },
              principals.human(caller.id),
              receiver(input.agentId, now),
              now,
            ),
        })
        return handOut(delegation, position)
      },
    }),
    passOnDelegation: method({
      allow: ['agent'],
      input: Wanted.extend({ delegationId: DelegationId }),
      handle: async (input, caller) => {
        const now = clock()
        const delegation = newId('dlg')
        const { position } = await writer.execute(principals.delegations, {
          id: delegation,
          actor: actorOf(caller),
          correlation: { delegation, human: known(input.delegationId).human },
          causation: input.delegationId,
          now,
          decide: (state) =>
            passOnDelegation(
              state,
              { ...input, delegation },
              {
                parent: known(input.delegationId),
                parentEnd: principals.delegationEnd(input.delegationId, now),
                from: receiver(caller.kind === 'agent' ? caller.agent : '', now),
                to: receiver(input.agentId, now),
                now,
              },
            ),
        })
        return handOut(delegation, position)
      },
    }),
    revokeDelegation: method({
      allow: ['human', 'security-operator'],
      input: z.object({ delegationId: DelegationId, reason: Prose }),
      handle: async ({ delegationId, reason }, caller) => {
        const { human } = known(delegationId)
        if (human !== caller.id && !caller.roles.has('security-operator'))
          throw forbidden(
            'not_your_delegation',
            'Only the human who granted it, or a security operator, can end a delegation.',
          )
        let position = ''
        const ended = principals.withDescendants(delegationId)
        for (const id of ended) {
          const command = {
            id,
            actor: actorOf(caller),
            correlation: { delegation: id, human },
            causation: delegationId,
            now: clock(),
          }
          const written = await writer.execute(principals.delegations, {
            ...command,
            decide: (state) => revokeDelegation(state, id, reason),
          })
          position = written.position
        }
        return { endedDelegationIds: ended, position }
      },
    }),
  }
}

const shown = (delegation: Delegation) => ({
  id: delegation.delegation,
  human: delegation.human,
  agentId: delegation.agent,
  authorizationDetails: delegation.authorization_details,
  purpose: delegation.purpose,
  notBefore: new Date(delegation.not_before),
  expiresAt: new Date(delegation.expires_at),
  maximumDepth: delegation.maximum_depth,
  parent: delegation.parent ?? '',
  mandate: delegation.mandate ?? '',
  end: '',
})
