/** An accepted attestation result makes its agent active, when somebody answers for it and it has a key. */
import { type AgentState, livingKeys } from '@credence/contracts/principals/agent'

import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { activateAgent } from '../domain/agent.ts'
import type { Principals } from '../projections/principals.ts'

export function createActivation(parts: { principals: Principals; writer: Writer; clock: Clock }) {
  const { principals } = parts
  /** One that is active already goes on: when nobody answers for it any more, the time of grace decides. */
  const mayBecome = (state: AgentState): boolean =>
    state?.state !== 'registered' ||
    (principals.isThere(principals.sponsorOf(state)) && livingKeys(state, parts.clock()).length > 0)

  return async (commit: RecordedCommit): Promise<void> => {
    for (const { type, data } of commit.facts) {
      if (type !== 'credence.attestation.result.recorded.v1' || !data.accepted) continue
      const now = parts.clock()
      await parts.writer.execute(principals.agents, {
        id: data.agent,
        actor: { kind: 'workload', id: commit.source },
        causation: commit.id,
        now,
        decide: (state) =>
          mayBecome(state) ? activateAgent(state, { id: data.result, expiresAt: data.expires_at }, now) : [],
      })
    }
  }
}
