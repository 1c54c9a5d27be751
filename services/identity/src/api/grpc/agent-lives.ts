/** What happens to an agent that lives, and its ends. Each is one event; what hangs below is dead because of it. */
import type { IdentityFact } from '@credence/contracts/events/catalog'
import { AgentId, Prose } from '@credence/contracts/events/values'
import type { AgentState } from '@credence/contracts/principals/agent'
import { actorOf, type Caller } from '@credence/shared/callers/caller'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import {
  quarantineAgent,
  renewAgent,
  restoreAgent,
  retireAgent,
  revokeAgent,
  suspendAgent,
} from '../../domain/agent-life.ts'
import type { Context } from '../context.ts'
import { showAgent } from './agent-view.ts'
import { Lifetime } from './schemas.ts'
import { hasRole, knownAgent, livingAgent, refuseOtherAgents, refuseUnlessSponsor } from './standing.ts'

const Why = z.object({ agentId: AgentId, reason: Prose })

export const agentLifeMethods = ({ principals, writer, clock, barrier }: Context) => {
  const sponsorOf = (id: string): string => principals.sponsorOf(knownAgent(principals, id))

  const change = (id: string, caller: Caller, decide: (state: AgentState, now: Date) => IdentityFact[]) => {
    const now = clock()
    const about = { id, actor: actorOf(caller), now }
    return writer.execute(principals.agents, { ...about, decide: (state) => decide(state, now) })
  }
  const changed = async (id: string, caller: Caller, decide: (state: AgentState, now: Date) => IdentityFact[]) => {
    const { position } = await change(id, caller, decide)
    return { agent: showAgent(knownAgent(principals, id), principals, clock()), position }
  }
  const ended = async (id: string, caller: Caller, decide: (state: AgentState) => IdentityFact[]) => {
    const { position } = await change(id, caller, decide)
    return { endedAgentIds: principals.withDescendants(id), position }
  }

  return {
    suspendAgent: method({
      allow: ['security-operator', 'platform', 'human'],
      input: Why,
      handle: async ({ agentId, reason }, caller) => {
        refuseUnlessSponsor(caller, sponsorOf(agentId), ['security-operator', 'platform'])
        return changed(agentId, caller, (state, now) =>
          suspendAgent(state, agentId, { cause: 'operator', reason }, now),
        )
      },
    }),
    quarantineAgent: method({
      allow: ['security-operator'],
      input: Why,
      handle: async ({ agentId, reason }, caller) =>
        changed(agentId, caller, (state, now) => quarantineAgent(state, agentId, { cause: 'operator', reason }, now)),
    }),
    restoreAgent: method({
      allow: ['security-operator', 'human'],
      input: Why,
      handle: async ({ agentId, reason }, caller) => {
        refuseUnlessSponsor(caller, sponsorOf(agentId), ['security-operator'])
        await barrier()
        const mayLiftQuarantine = hasRole(caller, ['security-operator'])
        return changed(agentId, caller, (state, now) => {
          const sponsorIsActive = principals.isThere(sponsorOf(agentId))
          return restoreAgent(state, { id: agentId, reason, mayLiftQuarantine, sponsorIsActive }, now)
        })
      },
    }),
    renewAgent: method({
      allow: ['platform', 'agent'],
      input: z.object({ agentId: AgentId, lifetimeSeconds: Lifetime }),
      handle: async ({ agentId, lifetimeSeconds }, caller) => {
        refuseOtherAgents(caller, agentId)
        await barrier()
        return changed(agentId, caller, (state, now) => {
          const { blueprint } = livingAgent(principals, agentId, now)
          return renewAgent(state, { id: agentId, lifetimeSeconds }, principals.blueprint(blueprint), now)
        })
      },
    }),
    retireAgent: method({
      allow: ['platform', 'human', 'agent'],
      input: Why,
      handle: async ({ agentId, reason }, caller) => {
        refuseOtherAgents(caller, agentId)
        if (caller.kind !== 'agent') refuseUnlessSponsor(caller, sponsorOf(agentId), ['platform'])
        return ended(agentId, caller, (state) => retireAgent(state, agentId, reason))
      },
    }),
    revokeAgent: method({
      allow: ['security-operator', 'human'],
      input: Why,
      handle: async ({ agentId, reason }, caller) => {
        refuseUnlessSponsor(caller, sponsorOf(agentId), ['security-operator'])
        return ended(agentId, caller, (state) => revokeAgent(state, agentId, reason))
      },
    }),
  }
}
