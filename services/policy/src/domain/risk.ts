/** How much speaks against an agent now: signals of operators and detectors, each of which fades. */
import type { EventData, Fact } from '@credence/contracts/events/catalog'
import type { RiskLevel } from '@credence/contracts/events/values'

type Signal = EventData<'credence.policy.risk.raised.v1'>
/** By source and code. */
export type Risk = { signals: Record<string, Signal> }
export type RiskState = Risk | undefined

export const riskEvolution = { initialState: undefined as RiskState, evolve }

const keyOf = ({ source, code }: Pick<Signal, 'source' | 'code'>): string => JSON.stringify([source, code])

function evolve(state: RiskState, fact: Fact): RiskState {
  switch (fact.type) {
    case 'credence.policy.risk.raised.v1':
      return { signals: { ...state?.signals, [keyOf(fact.data)]: fact.data } }
    case 'credence.policy.risk.cleared.v1': {
      const { [keyOf(fact.data)]: _, ...signals } = state?.signals ?? {}
      return { signals }
    }
    default:
      return state
  }
}

export const LEVELS: readonly RiskLevel[] = ['low', 'medium', 'high', 'critical']

export type RiskNow = { level: number; name?: RiskLevel; codes: string[] }

/** What a signal still counts: one level less for each `decay_seconds` that have passed. 0 when it has faded. */
export function levelOf({ level, raised_at, decay_seconds }: Signal, now: Date): number {
  const passed = Math.max(0, now.getTime() - Date.parse(raised_at))
  return Math.max(0, LEVELS.indexOf(level) + 1 - Math.floor(passed / (decay_seconds * 1000)))
}

/** The highest that any signal still counts, and the codes of all that count; level 0: nothing speaks against it. */
export function riskAt(state: RiskState, now: Date): RiskNow {
  const counting = Object.values(state?.signals ?? {})
    .map((signal) => ({ code: signal.code, level: levelOf(signal, now) }))
    .filter(({ level }) => level > 0)
  const level = Math.max(0, ...counting.map((one) => one.level))
  const name = LEVELS[level - 1]
  return { level, ...(name ? { name } : {}), codes: [...new Set(counting.map(({ code }) => code))].sort() }
}
