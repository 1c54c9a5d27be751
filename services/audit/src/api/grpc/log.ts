import { CredenceError, invalid, unavailable } from '@credence/contracts/errors'
import { AgentId } from '@credence/contracts/events/values'
import { parsePosition } from '@credence/contracts/streams'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import type { Context } from '../context.ts'

const READERS = ['auditor', 'security-operator'] as const
const WAIT_MS = 2_000
const PAGE = { usual: 100, most: 1_000 }

const LogIndex = z
  .bigint()
  .refine((value) => value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER), 'must be a log index, from 0')
  .transform(Number)
const Size = LogIndex.refine((value) => value >= 1, 'must be at least 1')

type Row = {
  log_index: string
  time: string
  origin: string
  origin_sequence: string
  type: string
  subject: string
  actor: string
  entry: string
}

const LIST = `
SELECT toString(log_index) AS log_index, toString(time) AS time, origin, toString(origin_sequence) AS origin_sequence,
       type, subject, actor, entry
FROM trail WHERE trail.log_index >= {first:UInt64}
  AND ({agent:String} = '' OR trail.log_index IN (SELECT log_index FROM links WHERE kind = 'agent' AND id = {agent:String}))
ORDER BY trail.log_index LIMIT {limit:UInt32}`

export const logMethods = (context: Context) => {
  const { tree, index, indexer } = context

  async function logIndexOf(text: string): Promise<number> {
    const position = parsePosition(text)
    if (!position) throw invalid('origin_position', 'must be like "DECISIONS:12"')
    if (!(await indexer.reached(position.stream, position.sequence, WAIT_MS)))
      throw new CredenceError('not_found', 'record_not_found', `${text} is not in the trail, or not yet.`)
    const query =
      'SELECT toString(log_index) AS log_index FROM trail WHERE origin = {origin:String} AND origin_sequence = {sequence:UInt64}'
    const [row] = await index.query<{ log_index: string }>(query, {
      origin: position.stream,
      sequence: position.sequence,
    })
    return Number(row?.log_index)
  }

  return {
    listRecords: method({
      allow: READERS,
      input: z.object({
        agentId: z.union([AgentId, z.literal('')]),
        firstLogIndex: LogIndex,
        pageSize: z.int().min(0, 'must be from 0 to 1000').max(PAGE.most, 'must be from 0 to 1000'),
      }),
      handle: async ({ agentId, firstLogIndex, pageSize }) => {
        const limit = pageSize || PAGE.usual
        const rows = await index.query<Row>(LIST, { first: firstLogIndex, agent: agentId, limit })
        const last = rows.at(-1)
        return {
          records: rows.map((row) => ({
            logIndex: BigInt(row.log_index),
            time: new Date(`${row.time.replace(' ', 'T')}Z`),
            originPosition: `${row.origin}:${row.origin_sequence}`,
            type: row.type,
            subject: row.subject,
            actor: row.actor,
            entry: Buffer.from(row.entry),
          })),
          nextLogIndex: last && rows.length === limit ? BigInt(last.log_index) + 1n : 0n,
        }
      },
    }),
    getInclusionProof: method({
      allow: READERS,
      input: z.object({
        record: z.discriminatedUnion(
          '$case',
          [
            z.object({ $case: z.literal('logIndex'), value: LogIndex }),
            z.object({ $case: z.literal('originPosition'), value: z.string().max(64) }),
          ],
          'name one of log_index, origin_position',
        ),
      }),
      handle: async ({ record }) => {
        const logIndex = record.$case === 'logIndex' ? record.value : await logIndexOf(record.value)
        if (logIndex >= tree.size())
          throw new CredenceError(
            'not_found',
            'record_not_found',
            `The log has ${tree.size()} records; ${logIndex} is not one of them.`,
          )
        if (!(await tree.sealed(logIndex + 1, WAIT_MS)))
          throw unavailable('not_signed', 'The record is not under a checkpoint yet. Try again.')
        const [entry, proof] = await Promise.all([tree.entry(logIndex), tree.proofOf(logIndex)])
        return { logIndex: BigInt(logIndex), entry: Buffer.from(entry), proof, verifierKey: tree.verifierKey }
      },
    }),
    getConsistencyProof: method({
      allow: READERS,
      input: z.object({ oldSize: Size, newSize: Size }),
      handle: async ({ oldSize, newSize }) => {
        const { size } = tree.checkpoint()
        if (newSize > size) throw invalid('new_size', `must be at most ${size}, the size that is signed`)
        if (oldSize > newSize) throw invalid('old_size', 'must not be larger than new_size')
        return { hashes: (await tree.consistency(oldSize, newSize)).map((hash) => Buffer.from(hash)) }
      },
    }),
    getCheckpoint: method({
      allow: READERS,
      input: z.object({}),
      handle: async () => ({ checkpoint: tree.checkpoint().note, verifierKey: tree.verifierKey }),
    }),
    rebuildIndex: method({
      allow: ['security-operator'],
      input: z.object({}),
      handle: async () => ({ records: BigInt(await indexer.rebuild()) }),
    }),
  }
}
