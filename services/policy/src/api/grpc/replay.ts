/** Recomputes recorded decisions. */
import { precondition } from '@credence/contracts/errors'
import { DecisionId } from '@credence/contracts/events/values'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { type Recorded, replay } from '../../domain/replay.ts'
import type { Context } from '../context.ts'
import { recordOf } from '../recorded.ts'

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
