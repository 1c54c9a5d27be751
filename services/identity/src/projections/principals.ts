/** Principals, with the look-ups that only their owner needs. */
import { type Agent, hasEnded } from '@credence/contracts/principals/agent'
import { aggregates } from '@credence/shared/event-store/aggregates'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { keptMap, listener, type ReadModel } from '@credence/shared/event-store/read-model'
import { createPrincipals as createShared } from '@credence/shared/principals'
import { boundKeyEvolution } from '../domain/agent-key.ts'
import { createAgentIndex } from './agent-index.ts'
import { createDelegationIndex } from './delegation-index.ts'

export type Principals = ReturnType<typeof createPrincipals>

export type HumanListener = (human: string, commit: RecordedCommit) => void

export function createPrincipals() {
  const shared = createShared()
  const keys = aggregates('identity', 'key', boundKeyEvolution)
  const agentIndex = createAgentIndex(shared)
  const delegationIndex = createDelegationIndex(shared.delegations)
  const departures = new Map<string, string>()
  const humanListeners = new Set<HumanListener>()

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

  const departed: ReadModel = {
    name: 'identity/departures',
    ...keptMap(departures),
    apply: (commit) => {
      for (const { type, data } of commit.facts)
        if (type === 'credence.identity.human.deactivated.v1') departures.set(data.human, commit.id)
    },
  }
  const heard = listener('identity/human-listeners', (commit) => {
    if (!commit.subject.startsWith('human/')) return
    for (const hear of humanListeners) hear(commit.subject.slice('human/'.length), commit)
  })
  // Those that look at others come after them.
  const models: readonly ReadModel[] = [
    ...shared.models,
    keys,
    agentIndex.model,
    delegationIndex.model,
    departed,
    heard,
  ]

  return {
    ...shared,
    /** Who has which public key, for ever. */
    keys,
    agentIndex,
    delegationsOf: delegationIndex.delegationsOf,
    models,
    apply: (commit: RecordedCommit): void => {
      for (const model of models) model.apply(commit)
    },
    stateOf,
    agentOfKey: (thumbprint: string): string | undefined => keys.get(thumbprint).state?.agent,
    /** Known, and not a leaver. */
    isThere: (human: string): boolean => shared.human(human)?.active === true,
    /** The event by which a person left, to be named as the cause of what follows. */
    departureOf: (human: string): string | undefined => departures.get(human),
    onHuman: (listener: HumanListener): void => void humanListeners.add(listener),
  }
}
