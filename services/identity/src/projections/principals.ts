/** Agents, blueprints and delegations in memory, with the look-ups that commands need. */
import { type Agent, agentEnd, agentEvolution, agentIdIn } from '@credence/contracts/principals/agent'
import { blueprintEvolution } from '@credence/contracts/principals/blueprint'
import { delegationChain, delegationEnd, delegationEvolution } from '@credence/contracts/principals/delegation'
import { aggregates } from '@credence/shared/event-store/aggregates'
import type { RecordedCommit } from '@credence/shared/event-store/commit'

export type Principals = ReturnType<typeof createPrincipals>

export function createPrincipals() {
  const agents = aggregates('identity', 'agent', agentEvolution)
  const blueprints = aggregates('identity', 'blueprint', blueprintEvolution)
  const delegations = aggregates('identity', 'delegation', delegationEvolution)
  const thumbprints = new Set<string>()
  const below = new Map<string, string[]>()
  const add = (parent: string | undefined, child: string) => {
    if (parent) below.set(parent, [...(below.get(parent) ?? []), child])
  }
  const agent = (id: string) => agents.get(id).state
  const delegation = (id: string) => delegations.get(id).state

  return {
    agents,
    blueprints,
    delegations,
    apply: (commit: RecordedCommit) => {
      agents.apply(commit)
      blueprints.apply(commit)
      delegations.apply(commit)
      for (const { type, data } of commit.facts) {
        if (type === 'credence.identity.agent.registered.v1') {
          thumbprints.add(data.key_thumbprint)
          add(data.parent, data.agent)
        }
        if (type === 'credence.identity.delegation.granted.v1') add(data.parent, data.delegation)
      }
    },
    agent,
    delegation,
    blueprint: (name: string) => blueprints.get(name).state,
    agentEnd: (id: string, now: Date) => agentEnd(id, agent, now),
    delegationEnd: (id: string, now: Date) => delegationEnd(delegationChain(id, delegation), now),
    /** The agent with exactly this SPIFFE ID. */
    bySpiffeId: (spiffeId: string): Agent | undefined => {
      const found = agent(agentIdIn(spiffeId))
      return found?.spiffe_id === spiffeId ? found : undefined
    },
    keyIsTaken: (thumbprint: string) => thumbprints.has(thumbprint),
    /** An agent or delegation and everything below it, from the top down. */
    withDescendants: (id: string): string[] => {
      const found = [id]
      for (const next of found) found.push(...(below.get(next) ?? []))
      return found
    },
  }
}
