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
  /** Children that live on when their parent has ended. */
  const survivors = new Map<string, string[]>()

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
  const hang = (upper: string | undefined, lower: string, on = below) => {
    if (!upper) return
    const children = on.get(upper)
    if (children) children.push(lower)
    else on.set(upper, [lower])
  }
  /** A set is walked as it grows, and ends where facts go round in a circle. */
  const walk = (id: string, ...ways: (typeof below)[]): string[] => {
    const found = new Set([id])
    for (const next of found) for (const way of ways) for (const lower of way.get(next) ?? []) found.add(lower)
    return [...found]
  }
  const models: readonly ReadModel[] = [
    humans,
    blueprints,
    {
      ...agents,
      apply: (commit) => {
        agents.apply(commit)
        for (const { type, data } of commit.facts)
          if (type === 'credence.identity.agent.registered.v1')
            hang(data.parent, data.agent, data.survives_parent ? survivors : below)
      },
      load: (entry) => {
        const state = agents.load(entry)
        if (state) hang(state.parent, state.agent, state.survives_parent ? survivors : below)
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
        survivors.clear()
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
    withDescendants: (id: string): string[] => walk(id, below),
    /** Those that survive it as well: they live on, but not all that they do is their own. */
    withSurvivors: (id: string): string[] => walk(id, below, survivors),
    /** The agent with exactly this SPIFFE ID. */
    bySpiffeId,
    /** The same, as callers are checked. */
    callerBySpiffeId: (spiffeId: string, now: Date) => {
      const found = bySpiffeId(spiffeId)
      return found && { agent: found.agent, keys: livingKeys(found, now) }
    },
  }
}
