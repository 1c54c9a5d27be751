/** Recomputes recorded decisions. */
import { notFound, precondition } from '@credence/contracts/errors'
import { DecisionId } from '@credence/contracts/events/values'
import { parsePosition } from '@credence/contracts/streams'
import { decodeCommit, type RecordedCommit } from '@credence/shared/event-store/commit'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { type Recorded, replay } from '../../domain/replay.ts'
import type { Context } from '../context.ts'

/** How far back a decision is searched when its place is not told. */
const SEARCHED = 10_000

export const replayMethods = (context: Context) => ({
  replayDecision: method({
    allow: ['auditor', 'security-operator'],
    input: z.object({
      decisionId: DecisionId,
      position: z.literal('').or(z.string().regex(/^DECISIONS:\d{1,15}$/, 'must be like "DECISIONS:123"')),
    }),
    handle: async ({ decisionId, position }) => {
      const { commit, recorded } = await recordOf(context, decisionId, position)
      const replayed = await replayOf(context, recorded, new Date(commit.time))
      return {
        agrees: replayed.differences.length === 0,
        recordedOutcome: recorded.outcome,
        recordedReasons: recorded.reasons,
        recomputedOutcome: replayed.outcome,
        recomputedReasons: replayed.reasons,
        differences: replayed.differences,
        policyVersion: recorded.policy_version,
        engine: recorded.engine,
        snapshotDigest: recorded.snapshot,
      }
    },
  }),
})

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
    const message = await bus.jsm.streams.getMessage('DECISIONS', { seq: sequence }).catch(() => undefined)
    if (!message) continue
    const commit = decodeCommit(
      { subject: message.subject, headers: message.header, data: message.data },
      'DECISIONS',
      sequence,
    )
    for (const { type, data } of commit.facts)
      if (type === 'credence.policy.decision.made.v1' && data.decision === decisionId) return { commit, recorded: data }
  }
  throw notFound('decision', decisionId)
}

/** @throws CredenceError `failed_precondition` when what it needs is not kept any more */
export async function replayOf({ policies, acts, readSnapshot }: Context, recorded: Recorded, time: Date) {
  const situation = await readSnapshot(recorded.snapshot)
  if (!situation)
    throw precondition('snapshot_missing', `The snapshot ${recorded.snapshot} is not kept, or was altered.`)
  const told = recorded.act ? await acts.told(recorded.decision) : {}
  if (!told) throw precondition('act_erased', 'Amount, arguments and properties of this act were erased.')
  const live = recorded.policy_version === '' ? undefined : await policies.byVersion(recorded.policy_version)
  const reporting = await Promise.all((recorded.reports ?? []).map(({ version }) => policies.byVersion(version)))
  return replay(recorded, time, situation, told, live, reporting)
}
