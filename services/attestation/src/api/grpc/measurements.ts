/** Digests that no agent may run on. */
import { Prose, Sha256 } from '@credence/contracts/events/values'
import { actorOf } from '@credence/shared/callers/caller'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { blockMeasurement, unblockMeasurement } from '../../domain/measurement.ts'
import type { Context } from '../context.ts'
import { runningOn } from '../running.ts'

const Why = z.object({ digest: Sha256, reason: Prose })

export const measurementMethods = (context: Context) => {
  const { appraisals, writer, clock } = context
  const { measurements, approvals } = appraisals
  return {
    blockMeasurement: method({
      allow: ['security-operator'],
      input: Why,
      handle: async ({ digest, reason }, caller) => {
        const agents = runningOn(digest, context)
        const { position } = await writer.execute(measurements, {
          id: digest,
          actor: actorOf(caller),
          now: clock(),
          decide: (state) => blockMeasurement(state, digest, reason),
        })
        return { position, agents }
      },
    }),
    unblockMeasurement: method({
      allow: ['security-operator'],
      input: Why,
      handle: async ({ digest, reason }, caller) => {
        const { position } = await writer.execute(measurements, {
          id: digest,
          actor: actorOf(caller),
          now: clock(),
          decide: (state) => unblockMeasurement(state, digest, reason),
        })
        return { position }
      },
    }),
    listBlockedMeasurements: method({
      allow: ['security-operator', 'sponsor', 'auditor'],
      input: z.object({}),
      handle: async () => ({
        measurements: [...measurements.all()].flatMap(([digest, state]) =>
          state?.blocked ? [{ digest, reason: state.reason, blockedBy: approvals.blocked(digest)?.by ?? '' }] : [],
        ),
      }),
    }),
  }
}
