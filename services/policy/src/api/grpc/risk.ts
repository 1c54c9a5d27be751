import { forbidden, notFound } from '@credence/contracts/errors'
import { AgentId, Prose } from '@credence/contracts/events/values'
import { RiskLevel as RiskLevelName } from '@credence/contracts/gen/credence/policy/v1/policy'
import { actorOf } from '@credence/shared/callers/caller'
import { enumName, notBefore, oneOf, seconds, waitFor } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { clearRisk, countingAt, LEVELS, MAX_DECAY_SECONDS, raiseRisk, riskAt } from '../../domain/risk.ts'
import type { Context } from '../context.ts'

const Code = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be like "unusual_hours"')
const UNKNOWN = RiskLevelName.RISK_LEVEL_UNSPECIFIED

export const riskMethods = ({ world, writer, clock, barrier, followers }: Context) => {
  const { risks, principals } = world

  /** @throws CredenceError `not_found`: a misspelt id must not look like an agent against which nothing speaks */
  async function refuseUnknown(agent: string): Promise<void> {
    await barrier()
    if (!principals.agent(agent)) throw notFound('agent', agent)
  }
  const levelNow = (agent: string): RiskLevelName => {
    const { name } = riskAt(risks.of(agent), clock())
    return name ? enumName<RiskLevelName>('RISK_LEVEL_', name) : UNKNOWN
  }

  return {
    raiseRisk: method({
      allow: ['security-operator', 'detector'],
      input: z.object({
        agentId: AgentId,
        code: Code,
        level: oneOf('RISK_LEVEL_', LEVELS),
        explanation: Prose,
        decaySeconds: seconds(MAX_DECAY_SECONDS),
      }),
      handle: async ({ agentId, code, level, explanation, decaySeconds }, caller) => {
        await refuseUnknown(agentId)
        const now = clock()
        const signal = {
          agent: agentId,
          source: caller.id,
          code,
          level,
          explanation,
          raised_at: now.toISOString(),
          decay_seconds: decaySeconds,
        }
        const { position } = await writer.execute(risks.byAgent, {
          id: agentId,
          actor: actorOf(caller),
          now,
          decide: (state) => raiseRisk(state, signal),
        })
        return { level: levelNow(agentId), position }
      },
    }),
    clearRisk: method({
      allow: ['security-operator', 'detector'],
      input: z.object({
        agentId: AgentId,
        code: Code,
        source: z.string().max(256, 'must be a SPIFFE ID or a pseudonym'),
      }),
      handle: async ({ agentId, code, source: named }, caller) => {
        const source = named || caller.id
        if (source !== caller.id && !caller.roles.has('security-operator'))
          throw forbidden('signal_of_another', 'A detector clears its own signals only; a security operator any.')
        await refuseUnknown(agentId)
        const { position } = await writer.execute(risks.byAgent, {
          id: agentId,
          actor: actorOf(caller),
          now: clock(),
          decide: (state) => clearRisk(state, { agent: agentId, source, code }),
        })
        return { position }
      },
    }),
    getRisk: method({
      allow: ['security-operator', 'auditor', 'detector', 'service'],
      input: z.object({ agentId: AgentId, notBefore }),
      handle: async (input, _caller) => {
        await refuseUnknown(input.agentId)
        await waitFor(input.notBefore, followers)
        const signals = countingAt(risks.of(input.agentId), clock()).map((signal) => ({
          source: signal.source,
          code: signal.code,
          level: enumName<RiskLevelName>('RISK_LEVEL_', signal.level),
          explanation: signal.explanation,
          raisedAt: new Date(signal.raised_at),
          decaySeconds: BigInt(signal.decay_seconds),
        }))
        return { level: levelNow(input.agentId), signals }
      },
    }),
  }
}
