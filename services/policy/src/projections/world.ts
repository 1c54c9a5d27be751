/** Everything that a decision needs, in memory: nothing remote and nothing linear on its way. */
import type { EventData } from '@credence/contracts/events/catalog'
import { aggregates } from '@credence/shared/event-store/aggregates'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { createPrincipals } from '@credence/shared/principals'
import { createRevokedTokens } from '@credence/shared/revoked-tokens'
import { createLocator, locationEvolution } from '../domain/location.ts'
import { policySetEvolution } from '../domain/policyset.ts'
import { taskEvolution } from '../domain/task.ts'

export const ACTIVE = 'active'

export type World = ReturnType<typeof createWorld>

export function createWorld() {
  const principals = createPrincipals()
  const revokedTokens = createRevokedTokens()
  const tasks = aggregates('policy', 'task', taskEvolution)
  const locations = aggregates('policy', 'location', locationEvolution)
  const policySets = aggregates('policy', 'policyset', policySetEvolution)
  const taskOfGrant = new Map<string, string>()
  const openTasks = new Map<string, Set<string>>()
  const results = new Map<string, EventData<'credence.attestation.result.recorded.v1'>>()
  let locate = createLocator([])

  const remember = (key: string, task: string) => openTasks.set(key, (openTasks.get(key) ?? new Set()).add(task))
  const close = (id: string) => {
    const task = tasks.get(id).state
    for (const key of [task?.agent, task?.delegation]) if (key) openTasks.get(key)?.delete(id)
  }

  return {
    principals,
    revokedTokens,
    tasks,
    locations,
    policySets,
    applyIdentity: (commit: RecordedCommit) => {
      principals.apply(commit)
      revokedTokens.apply(commit)
    },
    applyAttestation: (commit: RecordedCommit) => {
      for (const { type, data } of commit.facts)
        if (type === 'credence.attestation.result.recorded.v1') results.set(data.agent, data)
    },
    applyPolicy: (commit: RecordedCommit) => {
      tasks.apply(commit)
      locations.apply(commit)
      policySets.apply(commit)
      for (const { type, data } of commit.facts) {
        if (type === 'credence.policy.grant.issued.v1') {
          taskOfGrant.set(data.grant, data.task)
          remember(data.agent, data.task)
          remember(data.delegation, data.task)
        }
        if (type === 'credence.policy.task.completed.v1' || type === 'credence.policy.task.aborted.v1') close(data.task)
        if (type === 'credence.policy.location.defined.v1')
          locate = createLocator([...locations.all()].flatMap(([, location]) => location ?? []))
      }
    },
    locate: (address: string) => locate(address),
    /** The newest result of an agent, accepted or not. */
    result: (agent: string) => results.get(agent),
    taskOfGrant: (grant: string) => tasks.get(taskOfGrant.get(grant) ?? '').state,
    /** Open tasks of an agent, or under a delegation. */
    openTasksOf: (id: string) => [...(openTasks.get(id) ?? [])],
    policySet: () => policySets.get(ACTIVE).state,
  }
}
