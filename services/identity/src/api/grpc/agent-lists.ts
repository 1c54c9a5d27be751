/** Agents found, page by page, and watched. */
import { invalid } from '@credence/contracts/errors'
import type { WatchAgentsResponse } from '@credence/contracts/gen/credence/identity/v1/identity'
import { parsePosition } from '@credence/contracts/streams'
import { notBefore, waitFor } from '@credence/shared/rpc/fields'
import { lastTold, pageFields, pageToken, strange } from '@credence/shared/rpc/pages'
import { method } from '@credence/shared/rpc/server'
import { streamMethod } from '@credence/shared/rpc/stream'
import { z } from 'zod'
import {
  type AgentQuery,
  FIELD_NAMES,
  fits,
  isField,
  otherTurns,
  searchAgents,
  TURN,
} from '../../projections/agent-search.ts'
import type { Context } from '../context.ts'
import { showAgent } from './agent-view.ts'

const READERS = ['platform', 'sponsor', 'security-operator', 'auditor'] as const
const LIST = 'agents'

/** Words of an enumeration are searched as they are shown, or without their prefix. */
const WORDS: Record<string, { prefix: string; words: string[] }> = {
  state: {
    prefix: 'AGENT_STATE_',
    words: ['registered', 'active', 'suspended', 'quarantined', 'revoked', 'retired', 'expired'],
  },
  kind: { prefix: 'AGENT_KIND_', words: ['ephemeral', 'continuous'] },
  autonomy: { prefix: 'AGENT_AUTONOMY_', words: ['delegated', 'autonomous'] },
}

const Term = z
  .object({
    field: z
      .string()
      .max(80)
      .refine(isField, `must be one of ${FIELD_NAMES.join(', ')}`),
    value: z.string().max(600, 'must be at most 600 characters'),
  })
  .transform(({ field, value }, context) => {
    const known = WORDS[field]
    if (!known || value.endsWith('*')) return { field, value }
    const word = value.replace(known.prefix, '').toLowerCase()
    if (!known.words.includes(word))
      context.addIssue({ code: 'custom', path: ['value'], message: `must be one of ${known.words.join(', ')}` })
    return { field, value: word }
  })

const Filter = z
  .object({
    terms: z.array(Term).max(16, 'must be at most 16'),
    unusedSince: z.date().optional(),
    withoutSponsor: z.boolean(),
    withoutOwner: z.boolean(),
  })
  .optional()
  .transform(
    (filter): AgentQuery => ({
      terms: filter?.terms ?? [],
      unusedSince: filter?.unusedSince,
      withoutSponsor: filter?.withoutSponsor ?? false,
      withoutOwner: filter?.withoutOwner ?? false,
    }),
  )

export const agentListMethods = ({ principals, followers, clock }: Context) => {
  const index = principals.agentIndex
  const own = followers.find(({ stream }) => stream === 'IDENTITY')

  return {
    listAgents: method({
      allow: READERS,
      input: z.object({ filter: Filter, ...pageFields, notBefore }),
      handle: async ({ filter, pageSize, pageToken: token, ...input }) => {
        await waitFor(input.notBefore, followers)
        const last = lastTold(LIST, token)
        const after = last === undefined ? -1 : index.record(last)?.place
        if (after === undefined) throw strange()
        const now = clock()
        const found = await searchAgents(filter, { after, size: pageSize }, { index, around: principals, now })
        return {
          agents: found.agents.map((agent) => showAgent(agent, principals, now)),
          nextPageToken: found.more ? pageToken(LIST, found.agents.at(-1)?.agent ?? '') : '',
        }
      },
    }),
    watchAgents: streamMethod({
      allow: READERS,
      input: z.object({ filter: Filter, after: z.string().max(64) }),
      stream: async (inputs, _caller, out) => {
        for await (const { filter, after } of inputs) {
          const since = after === '' ? { stream: 'IDENTITY', sequence: 0 } : parsePosition(after)
          if (since?.stream !== 'IDENTITY') throw invalid('after', 'must be like "IDENTITY:1234", or empty')
          if (after !== '') await waitFor([after], followers)
          await watch(filter, since.sequence, out.left, out.send)
        }
      },
    }),
  }

  /**
   * The newest state of each, in the order of their last change, so that a position stands for everything up to it. What
   * changes while the reader is slow is remembered once an agent: never more than there are agents. One that was told
   * (or may have been, before the position) and no longer fits is told once more. A token that was issued is no change.
   */
  async function watch(
    query: AgentQuery,
    since: number,
    left: AbortSignal,
    send: (message: WatchAgentsResponse) => Promise<void>,
  ): Promise<void> {
    const fit = fits(query, principals)
    const told = new Map<string, boolean>()
    const pending = new Map<string, number>()
    let wake = () => {}
    const ending = index.listen((ids, sequence) => {
      for (const id of ids) {
        pending.delete(id)
        pending.set(id, sequence)
      }
      wake()
    })
    const leave = () => wake()
    left.addEventListener('abort', leave)

    /** @param next sequence of what is told next: what has the same sequence must be told before the position stands for it */
    const tell = async (id: string, sequence: number, next: number | undefined, current: boolean): Promise<void> => {
      const record = index.record(id)
      const agent = principals.agent(id)
      if (!record || !agent) return
      const now = clock()
      const fitting = fit(record, agent, now)
      if (!fitting && !(told.get(id) ?? record.first <= since)) return
      told.set(id, fitting)
      const position = `IDENTITY:${next === sequence ? sequence - 1 : sequence}`
      await send({ agent: showAgent(agent, principals, now), position, current })
    }
    try {
      const position = own?.position() ?? 0
      const there = index.changedSince(since)
      for (const [at, { id, changed }] of there.entries()) {
        if (at % TURN === 0) await otherTurns()
        if (!pending.has(id)) await tell(id, changed, there[at + 1]?.changed, false)
      }
      await send({ agent: undefined, position: `IDENTITY:${position}`, current: true })
      while (!left.aborted) {
        for (const [id, sequence] of pending) {
          pending.delete(id)
          const [next] = pending.values()
          await tell(id, sequence, next, true)
        }
        await new Promise<void>((resolve) => {
          wake = resolve
          if (pending.size > 0 || left.aborted) resolve()
        })
      }
    } finally {
      ending()
      left.removeEventListener('abort', leave)
    }
  }
}
