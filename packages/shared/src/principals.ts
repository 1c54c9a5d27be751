/** People, blueprints, agents, mandates and delegations in memory, as every service that follows IDENTITY needs them. */
import { type Agent, agentEnd, agentEvolution, agentIdIn, livingKeys } from '@credence/contracts/principals/agent'
import { blueprintEvolution } from '@credence/contracts/principals/blueprint'
import { delegationChain, delegationEnd, delegationEvolution } from '@credence/contracts/principals/delegation'
import { humanEvolution } from '@credence/contracts/principals/human'
import { mandateEvolution } from '@credence/contracts/principals/mandate'
import { aggregates } from './event-store/aggregates.ts'
import type { RecordedCommit } from './event-store/commit.ts'
import type { ReadModel } from './event-store/read-model.ts'
import { createSharing } from './event-store/sharing.ts'

/** What repeats among agents, and among delegations. */
const COMMON = {
  agent: [
    'blueprint',
    'purpose',
    'sponsor',
    'owner',
    'kind',
    'autonomy',
    'model',
    'prompt_digest',
    'tool_manifest_digest',
    'labels',
    'state',
  ],
  delegation: ['human', 'purpose', 'authorization_details', 'mandate'],
}

export type Principals = ReturnType<typeof createPrincipals>

export function createPrincipals() {
  const humans = aggregates('identity', 'human', humanEvolution)
  const blueprints = aggregates('identity', 'blueprint', blueprintEvolution)
  const agents = aggregates('identity', 'agent', agentEvolution, createSharing(COMMON.agent))
  const mandates = aggregates('identity', 'mandate', mandateEvolution)
  const delegations = aggregates('identity', 'delegation', delegationEvolution, createSharing(COMMON.delegation))
  const below = new Map<string, string[]>()

  const human = (id: string) => humans.get(id).state
  const blueprint = (name: string) => blueprints.get(name).state
  const agent = (id: string) => agents.get(id).state
  const mandate = (id: string) => mandates.get(id).state
  const delegation = (id: string) => delegations.get(id).state
  const isWithdrawn = (name: string) => blueprint(name)?.withdrawn === true
  const endOf = (id: string, now: Date) => agentEnd(id, agent, now, isWithdrawn)
  const bySpiffeId = (spiffeId: string): Agent | undefined => {
    const found = agent(agentIdIn(spiffeId))
    return found?.spiffe_id === spiffeId ? found : undefined
  }
  const hang = (upper: string | undefined, lower: string) => {
    if (!upper) return
    const children = below.get(upper)
    if (children) children.push(lower)
    else below.set(upper, [lower])
  }
  const models: readonly ReadModel[] = [
    humans,
    blueprints,
    {
      ...agents,
      apply: (commit) => {
        agents.apply(commit)
        for (const { type, data } of commit.facts)
          if (type === 'credence.identity.agent.registered.v1' && !data.survives_parent) hang(data.parent, data.agent)
      },
      load: (entry) => {
        const state = agents.load(entry)
        if (state && !state.survives_parent) hang(state.parent, state.agent)
      },
    },
    mandates,
    {
      ...delegations,
      apply: (commit) => {
        delegations.apply(commit)
        for (const { type, data } of commit.facts)
          if (type === 'credence.identity.delegation.granted.v1') hang(data.parent ?? data.mandate, data.delegation)
      },
      load: (entry) => {
        const state = delegations.load(entry)
        if (state) hang(state.parent ?? state.mandate, state.delegation)
      },
      clear: () => {
        delegations.clear()
        below.clear()
      },
    },
  ]
  return {
    /** All of this, as it is followed and kept. */
    models,
    humans,
    blueprints,
    agents,
    mandates,
    delegations,
    apply: (commit: RecordedCommit) => {
      for (const model of models) model.apply(commit)
    },
    human,
    blueprint,
    agent,
    mandate,
    delegation,
    agentEnd: endOf,
    /** The human who answers for an agent now: the sponsor of its blueprint. */
    sponsorOf: (found: Agent): string => blueprint(found.blueprint)?.sponsor ?? found.sponsor,
    /** From this delegation up to its root; undefined when a link is missing. */
    delegationChain: (id: string) => delegationChain(id, delegation),
    delegationEnd: (id: string, now: Date) => {
      const around = { agent, human, mandate, agentEnd: (holder: string) => endOf(holder, now) }
      return delegationEnd(delegationChain(id, delegation), around, now)
    },
    /** An agent, mandate or delegation and everything below it that does not survive it, from the top down. */
    withDescendants: (id: string): string[] => {
      // A set is walked as it grows, and ends where facts go round in a circle.
      const found = new Set([id])
      for (const next of found) for (const lower of below.get(next) ?? []) found.add(lower)
      return [...found]
    },
    /** The agent with exactly this SPIFFE ID. */
    bySpiffeId,
    /** The same, as callers are checked. */
    callerBySpiffeId: (spiffeId: string, now: Date) => {
      const found = bySpiffeId(spiffeId)
      return found && { agent: found.agent, keys: livingKeys(found, now) }
    },
  }
}
