/** Everything that a decision needs, in memory: nothing remote and nothing linear on its way. */
import { aggregates } from '@credence/shared/event-store/aggregates'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import type { ReadModel } from '@credence/shared/event-store/read-model'
import { createSharing, type Share } from '@credence/shared/event-store/sharing'
import { createPrincipals } from '@credence/shared/principals'
import { createRevokedTokens } from '@credence/shared/revoked-tokens'
import { createLocator, locationEvolution } from '../domain/location.ts'
import type { Lookup } from '../domain/situation.ts'
import { type Task, type TaskState, taskEvolution } from '../domain/task.ts'
import { usageEvolution, usedOf } from '../domain/usage.ts'
import { createApprovals } from './approvals.ts'
import { createPolicySets } from './policysets.ts'
import { createReach } from './reach.ts'
import { createResults } from './results.ts'
import { createRisks } from './risks.ts'

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
  const policySets = createPolicySets()
  const taskOfGrant = new Map<string, string>()
  const openTasks = new Map<string, Set<string>>()
  /** Ids in the order of arrival: of all, and by agent. */
  const order: string[] = []
  const orderOf = new Map<string, string[]>()
  const results = createResults()
  const usages = aggregates('policy', 'usage', usageEvolution)
  const risks = createRisks()
  const approvals = createApprovals()
  const reach = createReach()
  let locate = createLocator([])

  const remember = (key: string, task: string) => openTasks.set(key, (openTasks.get(key) ?? new Set()).add(task))
  const close = (id: string) => {
    const task = tasks.get(id).state
    if (task && openTasks.get(task.agent)?.has(id)) reach.closed(task)
    for (const key of [task?.agent, task?.delegation]) if (key) openTasks.get(key)?.delete(id)
  }
  const enlist = (agent: string, task: string) => {
    order.push(task)
    const own = orderOf.get(agent)
    if (own) own.push(task)
    else orderOf.set(agent, [task])
  }
  const relocate = () => {
    locate = createLocator([...locations.all()].flatMap(([, location]) => location ?? []))
  }

  const work: ReadModel = {
    ...tasks,
    apply: (commit) => {
      tasks.apply(commit)
      for (const { type, data } of commit.facts) {
        if (type === 'credence.policy.grant.issued.v1') {
          taskOfGrant.set(data.grant, data.task)
          enlist(data.agent, data.task)
          const opened = tasks.get(data.task).state
          if (opened) reach.opened(opened)
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
      enlist(task.agent, task.task)
      if (task.state !== 'open') return
      reach.opened(task)
      for (const key of [task.agent, task.delegation]) remember(key, task.task)
    },
    clear: () => {
      for (const index of [taskOfGrant, openTasks, orderOf]) index.clear()
      order.length = 0
      reach.clear()
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
    ATTESTATION: results.models,
    POLICY: [work, places, ...policySets.models, usages, ...risks.models, ...approvals.models],
  }

  const taskOf = (grant: string) => tasks.get(taskOfGrant.get(grant) ?? '').state
  const lookup: Lookup = {
    agent: principals.agent,
    blueprint: principals.blueprint,
    human: principals.human,
    mandate: principals.mandate,
    delegation: principals.delegation,
    taskOfGrant: taskOf,
    result: results.result,
    withdrawal: results.withdrawal,
    risk: risks.of,
  }

  return {
    models,
    /** What a decision reads of all this. */
    lookup,
    principals,
    usages,
    risks,
    approvals,
    revokedTokens,
    tasks,
    locations,
    policySets,
    applyIdentity: (commit: RecordedCommit) => {
      for (const model of models.IDENTITY) model.apply(commit)
    },
    applyAttestation: (commit: RecordedCommit) => {
      for (const model of models.ATTESTATION) model.apply(commit)
    },
    applyPolicy: (commit: RecordedCommit) => {
      for (const model of models.POLICY) model.apply(commit)
    },
    locate: (address: string) => locate(address),
    /** The newest result of an agent, accepted or not. */
    result: lookup.result,
    taskOfGrant: taskOf,
    /** Tasks that got a grant, of one agent or of all; `before`: those that came before this one. */
    tasksNewestFirst: function* (agent?: string, before?: string): Generator<Task> {
      const ids = agent === undefined ? order : (orderOf.get(agent) ?? [])
      const from = before === undefined ? ids.length : ids.lastIndexOf(before)
      for (let index = from - 1; index >= 0; index--) {
        const task = tasks.get(ids[index] ?? '').state
        if (task) yield task
      }
    },
    /** Where uses under a delegation are counted: the delegation or mandate at its root. */
    rootOf: (delegation: string | undefined): string => {
      const root = delegation === undefined ? undefined : principals.delegationChain(delegation)?.at(-1)
      return root?.mandate ?? root?.delegation ?? 'none'
    },
    /** How much of one object of a node is used up, in the book of its root. */
    used: (root: string, node: string, detail: number) => usedOf(usages.get(root).state, node, detail),
    /** Open tasks of an agent, or under a delegation. */
    openTasksOf: (id: string) => [...(openTasks.get(id) ?? [])],
    /** Agents with an open task whose grant names resources of this type: in order, after this one, at most so many. */
    agentsReaching: reach.agents,
  }
}
