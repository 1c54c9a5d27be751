/** An accepted attestation result makes its agent active. */

import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { activateAgent } from '../domain/agent.ts'
import type { Principals } from '../projections/principals.ts'

export function createActivation(parts: { principals: Principals; writer: Writer; clock: Clock }) {
  return async (commit: RecordedCommit): Promise<void> => {
    for (const { type, data } of commit.facts) {
      if (type !== 'credence.attestation.result.recorded.v1' || !data.accepted) continue
      const now = parts.clock()
      await parts.writer.execute(parts.principals.agents, {
        id: data.agent,
        actor: { kind: 'workload', id: commit.source },
        causation: commit.id,
        now,
        decide: (state) => activateAgent(state, { id: data.result, expiresAt: data.expires_at }, now),
      })
    }
  }
}
