import type { EffectFact } from '@credence/contracts/events/catalog'
import { AgentId, DecisionId, Sha256 } from '@credence/contracts/events/values'
import { append } from '@credence/shared/event-store/append'
import { newCommit } from '@credence/shared/event-store/commit'
import { oneOf } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import type { Context } from '../context.ts'

const Digest = z.union([Sha256, z.literal('')]).transform((text) => text || undefined)
const DAY_MICROSECONDS = 86_400_000_000n

/** One effect a decision: its id, and the id of its commit, follow from the decision’s, so a repeated report is stored once. */
export const effectMethods = ({ bus, clock, spiffeId }: Context) => ({
  reportEffect: method({
    allow: ['enforcement-point'],
    input: z.object({
      decisionId: DecisionId,
      agentId: AgentId,
      outcome: oneOf('EFFECT_OUTCOME_', ['succeeded', 'failed', 'prevented']),
      statusCode: z.int().min(0, 'must be from 0 to 999').max(999, 'must be from 0 to 999'),
      argumentsDigest: Digest,
      resultDigest: Digest,
      durationMicroseconds: z
        .bigint()
        .refine((value) => value >= 0n && value <= DAY_MICROSECONDS, 'must be from 0 to a day')
        .transform(Number),
    }),
    handle: async (input, caller) => {
      const effect = input.decisionId.replace('dec_', 'eff_')
      const fact: EffectFact = {
        type: 'credence.audit.effect.observed.v1',
        data: {
          effect,
          decision: input.decisionId,
          agent: input.agentId,
          outcome: input.outcome,
          status_code: input.statusCode,
          arguments_digest: input.argumentsDigest,
          result_digest: input.resultDigest,
          duration_microseconds: input.durationMicroseconds,
          enforcement_point: caller.id,
        },
      }
      const about = {
        actor: { kind: 'workload' as const, id: caller.id },
        causation: input.decisionId,
        source: spiffeId,
        now: clock(),
      }
      const commit = { ...newCommit([fact], { ...about, subject: `effect/${input.agentId}` }), id: effect }
      const appended = await append(bus, 'EFFECTS', `credence.effect.${input.agentId}`, commit)
      return { effectId: effect, position: `EFFECTS:${'sequence' in appended ? appended.sequence : 0}` }
    },
  }),
})
