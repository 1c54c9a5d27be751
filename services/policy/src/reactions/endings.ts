/** An agent, a delegation or a mandate that ended takes the open tasks below it, and their grants, with it. */
import type { Fact } from '@credence/contracts/events/catalog'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { abortTask } from '../domain/task.ts'
import type { World } from '../projections/world.ts'

/** Ends only: what can be restored leaves its tasks open, and every decision denies meanwhile. */
function endIn({ type, data }: Fact): { id: string; cause: string } | undefined {
  switch (type) {
    case 'credence.identity.agent.revoked.v1':
      return { id: data.agent, cause: 'agent_revoked' }
    case 'credence.identity.agent.retired.v1':
      return { id: data.agent, cause: 'agent_retired' }
    case 'credence.identity.agent.expired.v1':
      return { id: data.agent, cause: 'agent_expired' }
    case 'credence.identity.delegation.revoked.v1':
      return { id: data.delegation, cause: 'delegation_revoked' }
    case 'credence.identity.mandate.revoked.v1':
      return { id: data.mandate, cause: 'mandate_ended' }
    default:
      return undefined
  }
}

/** @param parts.current resolves when all tasks that were ever opened, by any replica, are seen here */
export function createEndings(parts: { world: World; writer: Writer; clock: Clock; current: () => Promise<void> }) {
  const { world, writer, clock } = parts
  /** Below what ended some live on: an agent that survives its parent, under a delegation that it did not have from it. */
  const isOver = (id: string): boolean => {
    const task = world.tasks.get(id).state
    const { agentEnd, delegationEnd } = world.principals
    return Boolean(task && (agentEnd(task.agent, clock()) ?? delegationEnd(task.delegation, clock())))
  }
  return async (commit: RecordedCommit): Promise<void> => {
    for (const fact of commit.facts) {
      const ended = endIn(fact)
      if (!ended) continue
      await parts.current()
      for (const id of world.principals.withSurvivors(ended.id).flatMap(world.openTasksOf).filter(isOver))
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
