/** Decisions as they were recorded. */
import { notFound } from '@credence/contracts/errors'
import { parsePosition } from '@credence/contracts/streams'
import type { RecordedCommit } from '@credence/shared/event-store/commit'
import { readCommit } from '@credence/shared/event-store/read-commit'
import type { Recorded } from '../domain/replay.ts'
import type { Context } from './context.ts'

/** How far back a decision is searched when its place is not told. */
const SEARCHED = 10_000

/** The record at a place, if it is this decision's. @throws CredenceError `not_found` */
export async function recordOf(
  { bus }: Context,
  decisionId: string,
  position: string,
): Promise<{ commit: RecordedCommit; recorded: Recorded }> {
  const at = parsePosition(position)?.sequence
  const last = at ?? (await bus.jsm.streams.info('DECISIONS')).state.last_seq
  const first = at ?? Math.max(1, last - SEARCHED + 1)
  for (let sequence = last; sequence >= first; sequence--) {
    const commit = await readCommit(bus, 'DECISIONS', sequence).catch(() => undefined)
    if (!commit) continue
    for (const { type, data } of commit.facts)
      if (type === 'credence.policy.decision.made.v1' && data.decision === decisionId) return { commit, recorded: data }
  }
  throw notFound('decision', decisionId)
}
