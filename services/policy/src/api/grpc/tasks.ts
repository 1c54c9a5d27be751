import { AuthorizationDetails } from '@credence/contracts/authority'
import { forbidden, notFound, precondition } from '@credence/contracts/errors'
import { DelegationId, Prose, TaskId, Trigger } from '@credence/contracts/events/values'
import type { TaskState as TaskStateName } from '@credence/contracts/gen/credence/policy/v1/policy'
import { actorOf, type Caller } from '@credence/shared/callers/caller'
import { earliest, later } from '@credence/shared/clock'
import { newId } from '@credence/shared/ids'
import { enumName, notBefore, oneOf, seconds, waitFor } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { completeTask, cutGrant, openTask, refuseTask, type Task } from '../../domain/task.ts'
import type { Context } from '../context.ts'

const MAX_TASK_SECONDS = 86_400

const OpenTask = z.object({
  delegationId: DelegationId,
  trigger: Trigger,
  purpose: Prose,
  authorizationDetails: AuthorizationDetails,
  lifetimeSeconds: seconds(MAX_TASK_SECONDS),
  notBefore,
})

export const taskMethods = (context: Context) => {
  const { world, writer, clock } = context
  const { principals } = world

  /** Why this agent cannot work under this delegation now. */
  function obstacle(agentId: string, delegationId: string, now: Date): string | undefined {
    const agent = principals.agent(agentId)
    const result = world.result(agentId)
    if (principals.delegation(delegationId)?.agent !== agentId) return 'delegation_of_another_agent'
    return (
      principals.agentEnd(agentId, now) ??
      (agent?.state === 'active' ? undefined : 'agent_not_active') ??
      principals.delegationEnd(delegationId, now) ??
      (result?.accepted ? undefined : 'attestation_not_accepted') ??
      (result && new Date(result.expires_at) > now ? undefined : 'attestation_expired')
    )
  }

  async function open(input: z.infer<typeof OpenTask>, caller: Caller & { kind: 'agent' }) {
    await waitFor(input.notBefore, context.followers)
    const now = clock()
    const agentId = caller.agent
    const agent = principals.agent(agentId)
    const delegation = principals.delegation(input.delegationId)
    if (!agent || !delegation) throw notFound('delegation', input.delegationId)
    const task = newId('tsk')
    const { trigger, purpose } = input
    const about = {
      actor: actorOf(caller),
      correlation: { task, trigger: trigger.id, delegation: delegation.delegation, human: delegation.human },
      now,
    }
    const described = { task, agent: agentId, delegation: delegation.delegation, trigger, purpose }
    const ceiling = principals.blueprint(agent.blueprint)?.ceiling ?? []
    const reason = obstacle(agentId, delegation.delegation, now)
    const cut = reason
      ? { given: [], dropped: [] }
      : cutGrant(input.authorizationDetails, delegation.authorization_details, ceiling)
    const refusal = reason ?? (cut.given.length === 0 ? 'nothing_left' : undefined)
    if (refusal) {
      const decide = () => refuseTask(described, refusal, cut.dropped)
      const { position } = await writer.execute(world.tasks, { ...about, id: task, decide })
      throw precondition(refusal, `${OBSTACLES[refusal] ?? OBSTACLES.other} The attempt is recorded at ${position}.`)
    }
    const expiresAt = earliest(
      later(now, input.lifetimeSeconds),
      new Date(delegation.expires_at),
      new Date(agent.expires_at),
    )
    const opening = { ...described, human: delegation.human, grant: newId('grt'), cut, expiresAt }
    const { position } = await writer.execute(world.tasks, {
      ...about,
      id: task,
      decide: (state) => openTask(state, opening),
    })
    return { taskId: task, grant: shownGrant(own(task), now), dropped: cut.dropped, position }
  }

  const own = (id: string): Task => {
    const found = world.tasks.get(id).state
    if (!found) throw notFound('task', id)
    return found
  }
  const ownOf = (id: string, caller: Caller): Task => {
    const task = own(id)
    if (caller.kind === 'agent' && caller.agent !== task.agent)
      throw forbidden('task_of_another_agent', 'The task belongs to another agent.')
    return task
  }

  return {
    openTask: method({
      allow: ['agent'],
      input: OpenTask,
      handle: (input, caller) => open(input, caller as Caller & { kind: 'agent' }),
    }),
    completeTask: method({
      allow: ['agent'],
      input: z.object({ taskId: TaskId, outcome: oneOf('TASK_OUTCOME_', ['succeeded', 'failed', 'abandoned']) }),
      handle: async ({ taskId, outcome }, caller) => {
        const { trigger, delegation, human } = ownOf(taskId, caller)
        const { position } = await writer.execute(world.tasks, {
          id: taskId,
          actor: actorOf(caller),
          correlation: { task: taskId, trigger: trigger.id, delegation, human },
          now: clock(),
          decide: (state) => completeTask(state ?? own(taskId), outcome),
        })
        return { position }
      },
    }),
    getTask: method({
      allow: ['security-operator', 'auditor', 'service', 'agent'],
      input: z.object({ taskId: TaskId, notBefore }),
      handle: async (input, caller) => {
        await waitFor(input.notBefore, context.followers)
        const task = ownOf(input.taskId, caller)
        return {
          taskId: task.task,
          agentId: task.agent,
          delegationId: task.delegation,
          trigger: task.trigger,
          state: enumName<TaskStateName>('TASK_STATE_', task.state),
          grant: shownGrant(task, clock()),
        }
      },
    }),
  }
}

function shownGrant({ grant }: Task, now: Date) {
  if (!grant) return undefined
  const expiresAt = new Date(grant.expires_at)
  return {
    id: grant.grant,
    authorizationDetails: grant.authorization_details,
    expiresAt,
    live: !grant.ended && expiresAt > now,
  }
}

const OBSTACLES: Record<string, string> = {
  nothing_left: 'Nothing of what was asked is inside the delegation and the blueprint’s ceiling.',
  delegation_of_another_agent: 'The delegation was given to another agent.',
  agent_not_active: 'The agent is not active: attest first.',
  attestation_not_accepted: 'The newest attestation result was not accepted.',
  attestation_expired: 'The attestation result has expired: attest again.',
  other: 'The agent or the delegation has ended.',
}
