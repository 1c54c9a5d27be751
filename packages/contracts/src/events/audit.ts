/** Events of the EFFECTS stream. */
import { z } from 'zod'
import { AgentId, DecisionId, EffectId, Sha256 } from './values.ts'

export const effectEvents = {
  'credence.audit.effect.observed.v1': z.strictObject({
    effect: EffectId,
    decision: DecisionId,
    agent: AgentId,
    outcome: z.enum(['succeeded', 'failed', 'prevented']),
    status_code: z.int().min(0).max(999),
    arguments_digest: Sha256.optional(),
    result_digest: Sha256.optional(),
    duration_microseconds: z.int().nonnegative(),
    enforcement_point: z.string(),
  }),
} as const
