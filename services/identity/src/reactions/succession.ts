/**
 * Who answers for agents whose sponsor has left: the next in line takes over; when nobody is in line, the agents are
 * suspended once the time of grace is over. Looks at what is, not at one event, so that it does not matter how often,
 * where, or after which interruption it is done.
 */

import { hasEnded, isHeld } from '@credence/contracts/principals/agent'
import type { Human } from '@credence/contracts/principals/human'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import { suspendAgent } from '../domain/agent-life.ts'
import { succeedSponsor } from '../domain/blueprint.ts'
import { successorOf } from '../domain/human.ts'
import type { Principals } from '../projections/principals.ts'

const REASON = 'Its sponsor has left, nobody is in line, and the time of grace is over.'

/** @param parts.source SPIFFE ID of this service, in whose name the rule speaks */
export function createSuccession(parts: {
  principals: Principals
  writer: Writer
  clock: Clock
  source: string
  graceSeconds: number
}) {
  const { principals, writer, clock, graceSeconds } = parts
  const actor = { kind: 'workload' as const, id: parts.source }
  const heirOf = (left: Human, group: string | undefined) =>
    successorOf(left, group, principals.human, principals.humans.all)

  /** The leaver who still stands as sponsor of this blueprint. */
  const leaverOf = (blueprint: string): Human | undefined => {
    const sponsor = principals.human(principals.blueprint(blueprint)?.sponsor ?? '')
    return sponsor && !sponsor.active ? sponsor : undefined
  }
  const isOver = ({ leftAt }: Human, now: Date): boolean =>
    leftAt !== undefined && Date.parse(leftAt) + graceSeconds * 1000 <= now.getTime()

  async function succeed(blueprint: string, left: Human): Promise<void> {
    await writer.execute(principals.blueprints, {
      id: blueprint,
      actor,
      causation: principals.departureOf(left.human),
      now: clock(),
      decide: (state) => succeedSponsor(state, left.human, heirOf(left, state?.successor_group)),
    })
  }

  async function suspendAgents(blueprint: string, left: Human): Promise<void> {
    for (const place of principals.agentIndex.having('blueprint', blueprint) ?? []) {
      const id = principals.agentIndex.at(place)?.id ?? ''
      const agent = principals.agent(id)
      const now = clock()
      if (!agent || hasEnded(agent) || isHeld(agent) || new Date(agent.expires_at) <= now) continue
      await writer.execute(principals.agents, {
        id,
        actor,
        causation: principals.departureOf(left.human),
        now,
        decide: (state) => {
          const still = leaverOf(blueprint)
          const lives = state && !hasEnded(state) && new Date(state.expires_at) > now
          if (!still || !lives || !isOver(still, now)) return []
          return suspendAgent(state, id, { cause: 'no_sponsor', reason: REASON }, now)
        },
      })
    }
  }

  return async (): Promise<void> => {
    for (const [name, blueprint] of principals.blueprints.all()) {
      const left = leaverOf(name)
      if (!left || !blueprint) continue
      if (heirOf(left, blueprint.successor_group)) await succeed(name, left)
      else if (isOver(left, clock())) await suspendAgents(name, left)
    }
  }
}
