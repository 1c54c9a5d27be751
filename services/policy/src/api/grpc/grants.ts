/** The grants that are there, and how much of them is used up. */
import { forbidden } from '@credence/contracts/errors'
import { AgentId } from '@credence/contracts/events/values'
import { isCounted } from '@credence/contracts/limits'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import type { Task } from '../../domain/task.ts'
import type { Context } from '../context.ts'
import { shownGrant } from './tasks.ts'

const DEFAULT_PAGE = 50

export const grantMethods = ({ world, clock }: Context) => {
  const usesOf = ({ delegation, grant }: Task) => {
    if (!grant) return []
    const root = world.rootOf(delegation)
    return grant.authorization_details.flatMap(({ limits }, detail) => {
      if (!isCounted(limits)) return []
      const { count, total } = world.used(root, grant.grant, detail)
      const currency = limits?.total?.currency
      return [{ detail, count, total: total && currency ? { currency, value: total } : undefined }]
    })
  }
  return {
    listGrants: method({
      allow: ['security-operator', 'auditor', 'agent'],
      input: z.object({
        agentId: z.literal('').or(AgentId),
        all: z.boolean(),
        pageSize: z.int().min(0).max(500, 'must be at most 500'),
        pageToken: z.string().max(64),
      }),
      handle: async ({ agentId, all, pageSize, pageToken }, caller) => {
        if (caller.kind === 'agent' && agentId !== '' && agentId !== caller.agent)
          throw forbidden('grants_of_another_agent', 'An agent lists its own grants: leave agent_id empty.')
        const agent = caller.kind === 'agent' ? caller.agent : agentId
        const now = clock()
        const size = pageSize || DEFAULT_PAGE
        const found: Task[] = []
        for (const task of world.tasksNewestFirst(agent || undefined, pageToken || undefined)) {
          if (!all && !isLive(task, now)) continue
          found.push(task)
          if (found.length > size) break
        }
        const page = found.slice(0, size)
        return {
          grants: page.map((task) => ({
            taskId: task.task,
            agentId: task.agent,
            delegationId: task.delegation,
            purpose: task.purpose,
            grant: shownGrant(task, now),
            ended: task.grant?.ended ?? '',
            uses: usesOf(task),
          })),
          nextPageToken: found.length > size ? (page.at(-1)?.task ?? '') : '',
        }
      },
    }),
  }
}

const isLive = ({ grant }: Task, now: Date): boolean =>
  grant !== undefined && !grant.ended && new Date(grant.expires_at) > now
