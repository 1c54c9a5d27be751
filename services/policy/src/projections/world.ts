/** Everything that a decision needs, in memory: nothing remote and nothing linear on its way. */
import type { EventData } from '@credence/contracts/events/catalog'
import { aggregates } from '@credence/shared/event-store/aggregates'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { keptMap, type ReadModel } from '@credence/shared/event-store/read-model'
import { createSharing, type Share } from '@credence/shared/event-store/sharing'
import { createPrincipals } from '@credence/shared/principals'
import { createRevokedTokens } from '@credence/shared/revoked-tokens'
import { createLocator, locationEvolution } from '../domain/location.ts'
import { policySetEvolution } from '../domain/policyset.ts'
import { type TaskState, taskEvolution } from '../domain/task.ts'

export const ACTIVE = 'active'

/** What repeats among tasks, and among their grants. */
const shareOpened = createSharing(['human', 'purpose', 'state'])
const shareGrant = createSharing(['authorization_details', 'dropped'])
const shareTask: Share = (state) => {
  shareGrant((state as TaskState)?.grant)
  return shareOpened(state)
}

export type World = ReturnType<typeof createWorld>

export function createWorld() {
  const principals = createPrincipals()
  const tasks = aggregates('policy', 'task', taskEvolution, shareTask)
  const revokedTokens = createRevokedTokens()
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
  const relocate = () => {
    locate = createLocator([...locations.all()].flatMap(([, location]) => location ?? []))
  }

  const attestation: ReadModel = {
    name: 'policy/results',
    ...keptMap(results),
    apply: (commit) => {
      for (const { type, data } of commit.facts)
        if (type === 'credence.attestation.result.recorded.v1') results.set(data.agent, data)
    },
  }
  const work: ReadModel = {
    ...tasks,
    apply: (commit) => {
      tasks.apply(commit)
      for (const { type, data } of commit.facts) {
        if (type === 'credence.policy.grant.issued.v1') {
          taskOfGrant.set(data.grant, data.task)
          remember(data.agent, data.task)
          remember(data.delegation, data.task)
        }
        if (type === 'credence.policy.task.completed.v1' || type === 'credence.policy.task.aborted.v1') close(data.task)
      }
    },
    load: (entry) => {
      const task = tasks.load(entry)
      if (!task?.grant) return
      taskOfGrant.set(task.grant.grant, task.task)
      if (task.state === 'open') for (const key of [task.agent, task.delegation]) remember(key, task.task)
    },
    clear: () => {
      for (const index of [taskOfGrant, openTasks]) index.clear()
      tasks.clear()
    },
  }
  const places: ReadModel = {
    ...locations,
    apply: (commit) => {
      locations.apply(commit)
      if (commit.facts.some(({ type }) => type === 'credence.policy.location.defined.v1')) relocate()
    },
    load: (entry) => {
      locations.load(entry)
      relocate()
    },
    clear: () => {
      locations.clear()
      relocate()
    },
  }
  /** All of this, by the stream that it is folded from, as it is followed and kept. */
  const models = {
    IDENTITY: [...principals.models, revokedTokens],
    ATTESTATION: [attestation],
    POLICY: [work, places, policySets],
  }

  return {
    models,
    principals,
    revokedTokens,
    tasks,
    locations,
    policySets,
    applyIdentity: (commit: RecordedCommit) => {
      for (const model of models.IDENTITY) model.apply(commit)
    },
    applyAttestation: attestation.apply,
    applyPolicy: (commit: RecordedCommit) => {
      for (const model of models.POLICY) model.apply(commit)
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
