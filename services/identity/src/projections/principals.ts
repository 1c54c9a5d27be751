/** Principals, with the look-ups that only their owner needs. */
import { type Agent, hasEnded } from '@credence/contracts/principals/agent'
import { aggregates } from '@credence/shared/event-store/aggregates'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { createPrincipals as createShared } from '@credence/shared/principals'
import { boundKeyEvolution } from '../domain/agent-key.ts'
import { createAgentIndex } from './agent-index.ts'
import { createDelegationIndex } from './delegation-index.ts'
import { createDepartures } from './departures.ts'

export type Principals = ReturnType<typeof createPrincipals>

export function createPrincipals() {
  const shared = createShared()
  const keys = aggregates('identity', 'key', boundKeyEvolution)
  const agentIndex = createAgentIndex(shared)
  const delegationIndex = createDelegationIndex(shared)
  const departures = createDepartures()
  /** In this order: each looks at what those before it have folded. */
  const models = [shared, keys, agentIndex, delegationIndex, departures]
  const humanListeners = new Set<() => void>()

  /** The word that is shown: what the agent is by itself, or what became of it with something above it. */
  function stateOf(agent: Agent, now: Date): Agent['state'] {
    switch (shared.agentEnd(agent.agent, now)) {
      case undefined:
        return agent.state
      case 'agent_retired':
        return 'retired'
      case 'agent_expired':
        return 'expired'
      case 'parent_ended':
        return aboveOf(agent, now) ?? 'revoked'
      // Held until the blueprint is restored, unless it will not come back then.
      case 'blueprint_withdrawn': {
        const above = aboveOf(agent, now)
        if (above && hasEnded({ state: above })) return above
        return agent.state === 'quarantined' ? 'quarantined' : 'suspended'
      }
      default:
        return 'revoked'
    }
  }

  function aboveOf({ parent, survives_parent }: Agent, now: Date): Agent['state'] | undefined {
    const above = parent === undefined || survives_parent ? undefined : shared.agent(parent)
    return above && stateOf(above, now)
  }

  return {
    ...shared,
    /** Who has which public key, for ever. */
    keys,
    agentIndex,
    delegationsOf: delegationIndex.delegationsOf,
    apply: (commit: RecordedCommit): void => {
      for (const model of models) model.apply(commit)
      if (commit.subject.startsWith('human/')) for (const listener of humanListeners) listener()
    },
    stateOf,
    agentOfKey: (thumbprint: string): string | undefined => keys.get(thumbprint).state?.agent,
    /** Known, and not a leaver. */
    isThere: (human: string): boolean => shared.human(human)?.active === true,
    departureOf: departures.departureOf,
    /** Called after each change of a person. */
    onHuman: (listener: () => void): void => void humanListeners.add(listener),
  }
}
