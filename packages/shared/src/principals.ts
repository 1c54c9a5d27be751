/** Agents, blueprints and delegations in memory, as every service that follows IDENTITY needs them. */
import { type Agent, agentEnd, agentEvolution, agentIdIn } from '@credence/contracts/principals/agent'
import { blueprintEvolution } from '@credence/contracts/principals/blueprint'
import { delegationChain, delegationEnd, delegationEvolution } from '@credence/contracts/principals/delegation'
import { aggregates } from './event-store/aggregates.ts'
import type { RecordedCommit } from './event-store/commit.ts'

export type Principals = ReturnType<typeof createPrincipals>

export function createPrincipals() {
  const agents = aggregates('identity', 'agent', agentEvolution)
  const blueprints = aggregates('identity', 'blueprint', blueprintEvolution)
  const delegations = aggregates('identity', 'delegation', delegationEvolution)
  const agent = (id: string) => agents.get(id).state
  const delegation = (id: string) => delegations.get(id).state
  const bySpiffeId = (spiffeId: string): Agent | undefined => {
    const found = agent(agentIdIn(spiffeId))
    return found?.spiffe_id === spiffeId ? found : undefined
  }
  return {
    agents,
    blueprints,
    delegations,
    apply: (commit: RecordedCommit) => {
      agents.apply(commit)
      blueprints.apply(commit)
      delegations.apply(commit)
    },
    agent,
    delegation,
    blueprint: (name: string) => blueprints.get(name).state,
    agentEnd: (id: string, now: Date) => agentEnd(id, agent, now),
    /** From this delegation up to its root; undefined when a link is missing. */
    delegationChain: (id: string) => delegationChain(id, delegation),
    delegationEnd: (id: string, now: Date) => delegationEnd(delegationChain(id, delegation), now),
    /** The agent with exactly this SPIFFE ID. */
    bySpiffeId,
    /** The same, as callers are checked. */
    callerBySpiffeId: (spiffeId: string) => {
      const found = bySpiffeId(spiffeId)
      return found && { agent: found.agent, jwk: found.public_jwk }
    },
  }
}
