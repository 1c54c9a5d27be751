/** How much speaks against an agent now: signals of operators and detectors, each of which fades. */
import { CredenceError, notFound } from '@credence/contracts/errors'
import type { EventData, Fact, PolicyFact } from '@credence/contracts/events/catalog'
import type { RiskLevel } from '@credence/contracts/events/values'

export type Signal = EventData<'credence.policy.risk.raised.v1'>
/** By source and code. */
export type Risk = { signals: Record<string, Signal> }
export type RiskState = Risk | undefined

export const riskEvolution = { initialState: undefined as RiskState, evolve }

const keyOf = ({ source, code }: Pick<Signal, 'source' | 'code'>): string => JSON.stringify([source, code])

/** What has faded is forgotten as new signals come: it would never count again. */
function evolve(state: RiskState, fact: Fact): RiskState {
  switch (fact.type) {
    case 'credence.policy.risk.raised.v1': {
      const at = new Date(fact.data.raised_at)
      const left = Object.entries(state?.signals ?? {}).filter(([, signal]) => levelOf(signal, at) > 0)
      return { signals: { ...Object.fromEntries(left), [keyOf(fact.data)]: fact.data } }
    }
    case 'credence.policy.risk.cleared.v1': {
      const { [keyOf(fact.data)]: _, ...signals } = state?.signals ?? {}
      return { signals }
    }
    default:
      return state
  }
}

export const LEVELS: readonly RiskLevel[] = ['low', 'medium', 'high', 'critical']
/** How many signals may count against one agent at a time. */
export const MAX_SIGNALS = 100
/** The slowest that a signal may fade by one level. */
export const MAX_DECAY_SECONDS = 30 * 86_400

export type RiskNow = { level: number; name?: RiskLevel; codes: string[] }

/** What a signal still counts: one level less for each `decay_seconds` that have passed. 0 when it has faded. */
export function levelOf({ level, raised_at, decay_seconds }: Signal, now: Date): number {
  const passed = Math.max(0, now.getTime() - Date.parse(raised_at))
  return Math.max(0, LEVELS.indexOf(level) + 1 - Math.floor(passed / (decay_seconds * 1000)))
}

/** Those that still count. */
export const countingAt = (state: RiskState, now: Date): Signal[] =>
  Object.values(state?.signals ?? {}).filter((signal) => levelOf(signal, now) > 0)

/** The highest that any signal still counts, and the codes of all that count; level 0: nothing speaks against it. */
export function riskAt(state: RiskState, now: Date): RiskNow {
  const counting = countingAt(state, now)
  const level = Math.max(0, ...counting.map((signal) => levelOf(signal, now)))
  const name = LEVELS[level - 1]
  return { level, ...(name ? { name } : {}), codes: [...new Set(counting.map(({ code }) => code))].sort() }
}

/** A signal takes the place of the earlier one of the same source and code. @throws CredenceError `resource_exhausted` */
export function raiseRisk(state: RiskState, signal: Signal): PolicyFact[] {
  const others = countingAt(state, new Date(signal.raised_at)).filter((one) => keyOf(one) !== keyOf(signal))
  if (others.length >= MAX_SIGNALS)
    throw new CredenceError(
      'resource_exhausted',
      'too_many_signals',
      `At most ${MAX_SIGNALS} signals count against one agent at a time. Clear some, or let them fade.`,
    )
  return [{ type: 'credence.policy.risk.raised.v1', data: signal }]
}

/** @throws CredenceError `not_found` when there is none: whoever misspells a code must not believe that it was cleared */
export function clearRisk(state: RiskState, signal: Pick<Signal, 'agent' | 'source' | 'code'>): PolicyFact[] {
  if (!state?.signals[keyOf(signal)]) throw notFound('signal', `${signal.code}" of "${signal.source}`)
  return [{ type: 'credence.policy.risk.cleared.v1', data: signal }]
}
