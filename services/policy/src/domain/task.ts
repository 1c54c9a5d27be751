/** One piece of work and its grant. The grant is issued with the task, in one commit, and ends with it. */
import type { AuthorizationDetail, DroppedAuthority } from '@credence/contracts/authority'
import { CredenceError, precondition } from '@credence/contracts/errors'
import type { EventData, Fact, PolicyFact } from '@credence/contracts/events/catalog'

type Opened = EventData<'credence.policy.task.opened.v1'>
export type Grant = EventData<'credence.policy.grant.issued.v1'> & { ended?: string }
export type Task = Opened & { state: 'open' | 'completed' | 'aborted'; grant?: Grant }
export type TaskState = Task | undefined

export const taskEvolution = { initialState: undefined as TaskState, evolve }

function evolve(state: TaskState, fact: Fact): TaskState {
  switch (fact.type) {
    case 'credence.policy.task.opened.v1':
      return { ...fact.data, state: 'open' }
    case 'credence.policy.grant.issued.v1':
      return state && { ...state, grant: fact.data }
    case 'credence.policy.task.completed.v1':
      return state && { ...state, state: 'completed' }
    case 'credence.policy.task.aborted.v1':
      return state && { ...state, state: 'aborted' }
    case 'credence.policy.grant.ended.v1':
      return state?.grant ? { ...state, grant: { ...state.grant, ended: fact.data.cause } } : state
    default:
      return state
  }
}

export type Opening = Opened & {
  grant: string
  cut: { given: AuthorizationDetail[]; dropped: DroppedAuthority[] }
  expiresAt: Date
}

/** Task and grant, in one commit. */
export function openTask(state: TaskState, opening: Opening): PolicyFact[] {
  if (state) throw new CredenceError('already_exists', 'task_exists', 'There is a task with this id already.')
  const { grant, cut, expiresAt, ...task } = opening
  const issued = {
    grant,
    task: task.task,
    agent: task.agent,
    delegation: task.delegation,
    authorization_details: cut.given,
    dropped: cut.dropped,
    expires_at: expiresAt.toISOString(),
  }
  return [
    { type: 'credence.policy.task.opened.v1', data: task },
    { type: 'credence.policy.grant.issued.v1', data: issued },
  ]
}

/** The attempt is part of the record. */
export function refuseTask(
  task: Omit<Opened, 'human'>,
  reason: string,
  droppedParts: DroppedAuthority[],
): PolicyFact[] {
  return [{ type: 'credence.policy.task.refused.v1', data: { ...task, reason, dropped: droppedParts } }]
}

/** Completing what is completed changes nothing. */
export function completeTask(state: Task, outcome: 'succeeded' | 'failed' | 'abandoned'): PolicyFact[] {
  if (state.state === 'completed') return []
  if (state.state === 'aborted')
    throw precondition('task_aborted', 'The task was aborted; it cannot be completed any more.')
  return [
    { type: 'credence.policy.task.completed.v1', data: { task: state.task, outcome } },
    ...endGrant(state, 'task_completed'),
  ]
}

/** Ends a task from outside: its agent or its delegation has ended. */
export function abortTask(state: TaskState, cause: string): PolicyFact[] {
  if (state?.state !== 'open') return []
  return [{ type: 'credence.policy.task.aborted.v1', data: { task: state.task, cause } }, ...endGrant(state, cause)]
}

const endGrant = ({ grant, task }: Task, cause: string): PolicyFact[] =>
  grant && !grant.ended ? [{ type: 'credence.policy.grant.ended.v1', data: { grant: grant.grant, task, cause } }] : []
