/** What speaks against agents. */
import { aggregates } from '@credence/shared/event-store/aggregates'
import { type RiskState, riskEvolution } from '../domain/risk.ts'

export type Risks = ReturnType<typeof createRisks>

export function createRisks() {
  const byAgent = aggregates('policy', 'risk', riskEvolution)
  return {
    models: [byAgent],
    byAgent,
    /** What `riskAt` reads; undefined when nothing was ever raised. */
    of: (agent: string): RiskState => byAgent.get(agent).state,
  }
}
