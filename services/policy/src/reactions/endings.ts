/** An agent or a delegation that ended takes its open tasks, and their grants, with it. */
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { abortTask } from '../domain/task.ts'
import type { World } from '../projections/world.ts'

/** @param parts.current resolves when all tasks that were ever opened, by any replica, are seen here */
export function createEndings(parts: { world: World; writer: Writer; clock: Clock; current: () => Promise<void> }) {
  const { world, writer, clock } = parts
  return async (commit: RecordedCommit): Promise<void> => {
    for (const { type, data } of commit.facts) {
      const ended =
        type === 'credence.identity.agent.revoked.v1'
          ? { id: data.agent, cause: 'agent_revoked' }
          : type === 'credence.identity.delegation.revoked.v1'
            ? { id: data.delegation, cause: 'delegation_revoked' }
            : undefined
      if (!ended) continue
      await parts.current()
      for (const id of world.openTasksOf(ended.id))
        await writer.execute(world.tasks, {
          id,
          actor: commit.actor,
          correlation: { task: id },
          causation: commit.id,
          now: clock(),
          decide: (state) => abortTask(state, ended.cause),
        })
    }
  }
}
