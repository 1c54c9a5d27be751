/** Agents whose life is over: says so, once. Nobody waits for it, because expiry counts from its instant. */

import { hasEnded } from '@credence/contracts/principals/agent'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import { expireAgent } from '../domain/agent-life.ts'
import { otherTurns, TURN } from '../projections/agent-search.ts'
import type { Principals } from '../projections/principals.ts'

/** @param parts.source SPIFFE ID of this service, in whose name time speaks */
export function createExpiry(parts: { principals: Principals; writer: Writer; clock: Clock; source: string }) {
  const { principals, writer, clock, source } = parts

  async function due(): Promise<string[]> {
    const now = clock()
    const found: string[] = []
    let looked = 0
    for (const [id, agent] of principals.agents.all()) {
      if (++looked % TURN === 0) await otherTurns()
      if (agent && !hasEnded(agent) && new Date(agent.expires_at) <= now) found.push(id)
    }
    return found
  }

  return async (): Promise<void> => {
    for (const id of await due()) {
      const now = clock()
      const about = { id, actor: { kind: 'workload' as const, id: source }, now }
      await writer.execute(principals.agents, { ...about, decide: (state) => expireAgent(state, now) })
    }
  }
}
