import { AuthorizationDetails } from '@credence/contracts/authority'
import { forbidden, invalid, notFound, precondition } from '@credence/contracts/errors'
import { AgentId, DelegationId, Prose, TaskId, Trigger } from '@credence/contracts/events/values'
import type { TaskState as TaskStateName } from '@credence/contracts/gen/credence/policy/v1/policy'
import { actorOf, type Caller } from '@credence/shared/callers/caller'
import type { Actor } from '@credence/shared/event-store/commit'
import { newId } from '@credence/shared/ids'
import { enumName, notBefore, oneOf, seconds, waitFor } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { beginTask, refusal } from '../../domain/opening.ts'
import { abortTask, completeTask, type Task } from '../../domain/task.ts'
import type { Context } from '../context.ts'

const MAX_TASK_SECONDS = 86_400

const OpenTask = z.object({
  delegationId: DelegationId,
  trigger: Trigger,
  purpose: Prose,
  authorizationDetails: AuthorizationDetails,
  lifetimeSeconds: seconds(MAX_TASK_SECONDS),
  notBefore,
  agentId: z.literal('').or(AgentId),
})

export const taskMethods = (context: Context) => {
  const { world, writer, clock } = context
  const { principals } = world
  const identity = context.spiffeId.replace(/[^/]+$/, 'identity')

  /** For whom: the agent that proves its key here, or the one whose key identity has seen proved. */
  function agentFor(agentId: string, caller: Caller): string {
    if (caller.kind === 'agent') {
      if (agentId !== '' && agentId !== caller.agent)
        throw forbidden('task_for_another_agent', 'An agent opens tasks for itself only: leave agent_id empty.')
      return caller.agent
    }
    if (caller.id !== identity)
      throw forbidden('not_identity', 'Only an agent, or the identity service for it, opens a task.')
    if (agentId === '') throw invalid('agent_id', 'is missing: for whom is this task?')
    return agentId
  }

  async function open(input: z.infer<typeof OpenTask>, caller: Caller) {
    const agentId = agentFor(input.agentId, caller)
    await context.barrier()
    await waitFor(input.notBefore, context.followers)
    const now = clock()
    const agent = principals.agent(agentId)
    if (!agent) throw notFound('agent', agentId)
    // Whoever carried the request here: the agent has proved its key, and acts.
    const actor: Actor = { kind: 'agent', id: agent.spiffe_id }
    const asked = { ...input, task: newId('tsk'), grant: newId('grt'), delegation: input.delegationId }
    const { task, delegation, trigger } = asked
    const chain = principals.delegationChain(delegation)
    const standing = {
      agent,
      agentEnd: principals.agentEnd(agent.agent, now),
      blueprint: principals.blueprint(agent.blueprint),
      chain,
      delegationEnd: principals.delegationEnd(delegation, now),
      result: world.result(agent.agent),
      withdrawal: world.lookup.withdrawal,
      mayPermit: context.policies.live()?.mayPermit,
    }
    const { facts, position } = await writer.execute(world.tasks, {
      id: task,
      actor,
      correlation: { task, trigger: trigger.id, delegation, human: chain?.[0]?.human },
      now,
      decide: (state) => beginTask(state, asked, standing, now),
    })
    const [first] = facts
    if (first?.type === 'credence.policy.task.refused.v1') throw refusal(first.data, position)
    const opened = own(task)
    await endIfOver(opened, actor)
    return { taskId: task, grant: shownGrant(opened, now), dropped: opened.grant?.dropped ?? [], position }
  }

  /** What ended while the task was being written is not seen by the reaction that ends tasks; so look again. */
  async function endIfOver({ task: id, agent, delegation }: Task, actor: Actor): Promise<void> {
    const now = clock()
    const cause = principals.agentEnd(agent, now) ?? principals.delegationEnd(delegation, now)
    if (!cause) return
    const about = { id, actor, correlation: { task: id, delegation }, now }
    await writer.execute(world.tasks, { ...about, decide: (state) => abortTask(state, cause) })
    throw precondition(cause, 'The agent or the delegation ended while the task began; the task was aborted.')
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
      allow: ['agent', 'service'],
      input: OpenTask,
      handle: open,
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

export function shownGrant({ grant }: Task, now: Date) {
  if (!grant) return undefined
  const expiresAt = new Date(grant.expires_at)
  return {
    id: grant.grant,
    authorizationDetails: grant.authorization_details,
    expiresAt,
    live: !grant.ended && expiresAt > now,
  }
}
