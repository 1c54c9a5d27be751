import { invalid, unavailable } from '@credence/contracts/errors'
import { AgentId, DecisionId, TaskId } from '@credence/contracts/events/values'
import { parsePosition } from '@credence/contracts/streams'
import { notBefore } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { decodeEntry } from '../../domain/entry.ts'
import { explain, lifeOf, type Seen } from '../../projections/explanation.ts'
import type { Context } from '../context.ts'

const About = z.discriminatedUnion(
  '$case',
  [
    z.object({ $case: z.literal('agentId'), value: AgentId }),
    z.object({ $case: z.literal('taskId'), value: TaskId }),
    z.object({ $case: z.literal('decisionId'), value: DecisionId }),
  ],
  'name one of agent_id, task_id, decision_id',
)

const KINDS = { agentId: 'agent', taskId: 'task', decisionId: 'decision' } as const
const WAIT_MS = 3_000
const MAX_RECORDS = 10_000

/**
 * Records that name the thing; and of everything that those name, the records that say what it is. One query, over the
 * narrow table of links.
 */
const EXPLAIN = `
WITH own AS (SELECT log_index FROM links WHERE kind = {kind:String} AND id = {id:String}),
     named AS (SELECT DISTINCT kind, id FROM links WHERE log_index IN own AND kind NOT IN ({shared:Array(String)}))
SELECT toString(log_index) AS log_index, entry FROM trail
WHERE log_index IN own
   OR (log_index IN (SELECT log_index FROM links WHERE (kind, id) IN named) AND type IN ({defining:Array(String)}))
ORDER BY trail.log_index LIMIT ${MAX_RECORDS}`

const DEFINING = [
  'credence.identity.agent.registered.v1',
  'credence.identity.delegation.granted.v1',
  'credence.policy.task.opened.v1',
  'credence.policy.task.completed.v1',
  'credence.policy.task.aborted.v1',
  'credence.policy.policyset.activated.v1',
  'credence.attestation.result.recorded.v1',
  'credence.audit.effect.observed.v1',
]

/** What many agents have in common: whoever asks about one of them is not told of all. */
const SHARED = ['human', 'blueprint', 'reference', 'anchor']

export const provenanceMethods = (context: Context) => ({
  explain: method({
    allow: ['auditor', 'security-operator'],
    input: z.object({ about: About, notBefore }),
    handle: async ({ about, notBefore: positions }) => {
      await waitForIndex(context, positions)
      const parameters = { kind: KINDS[about.$case], id: about.value, defining: DEFINING, shared: SHARED }
      const rows = await context.index.query<{ log_index: string; entry: string }>(EXPLAIN, parameters)
      const records: Seen[] = rows.map((row) => ({
        logIndex: Number(row.log_index),
        entry: decodeEntry(Buffer.from(row.entry)),
      }))
      const key = KINDS[about.$case]
      return {
        explanations: explain(records, (decision) => decision[key] === about.value),
        life: about.$case === 'agentId' ? lifeOf(records, about.value) : [],
        indexedSize: BigInt(context.indexer.size()),
      }
    },
  }),
})

/** Reading what one has just caused: waits until these places of the origin streams are indexed. */
async function waitForIndex({ indexer }: Context, positions: string[]): Promise<void> {
  for (const text of positions) {
    const position = parsePosition(text)
    if (!position) throw invalid('not_before', 'must be like "EFFECTS:12"')
    if (!(await indexer.reached(position.stream, position.sequence, WAIT_MS)))
      throw unavailable('not_indexed', `${text} is not indexed yet. Try again in a moment.`)
  }
}
