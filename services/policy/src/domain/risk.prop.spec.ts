import type { Fact } from '@credence/contracts/events/catalog'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fact, NOW } from '../../../../infra/testing/facts.ts'
import { clearRisk, LEVELS, raiseRisk, riskAt, riskEvolution, type Signal } from './risk.ts'

const DAY = 86_400
const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1000)

const signal: fc.Arbitrary<Signal> = fc.record({
  agent: fc.constant('agt_1'),
  source: fc.constantFrom('hum_1', 'hum_2', 'spiffe://acme.example/detector/hours'),
  code: fc.constantFrom('a', 'b', 'c', 'd'),
  level: fc.constantFrom(...LEVELS),
  explanation: fc.constant('x'),
  raised_at: fc.nat(10 * DAY).map((seconds) => at(seconds).toISOString()),
  decay_seconds: fc.integer({ min: 1, max: 30 * DAY }),
})
/** Each source and code once: those that replace one another have an order, which is that of the stream. */
const signals = fc.uniqueArray(signal, { maxLength: 12, selector: ({ source, code }) => `${source} ${code}` })
/** From when the last of them can have been raised. */
const later = fc.integer({ min: 10 * DAY, max: 200 * DAY }).map(at)

const raised = (one: Signal): Fact => fact('credence.policy.risk.raised.v1', one)
const stateOf = (facts: Fact[]) => facts.reduce(riskEvolution.evolve, riskEvolution.initialState)

describe('risk', () => {
  it('only ever sinks while nothing is raised', () => {
    fc.assert(
      fc.property(signals, later, fc.nat(100 * DAY), (ones, then, seconds) => {
        const state = stateOf(ones.map(raised))
        const [now, after] = [riskAt(state, then), riskAt(state, new Date(then.getTime() + seconds * 1000))]
        expect(after.level).toBeLessThanOrEqual(now.level)
        for (const code of after.codes) expect(now.codes).toContain(code)
      }),
    )
  })
  it('does not depend on the order in which signals came', () => {
    const shuffled = signals.chain((ones) =>
      fc.tuple(fc.constant(ones), fc.shuffledSubarray(ones, { minLength: ones.length })),
    )
    fc.assert(
      fc.property(shuffled, later, ([ones, others], now) => {
        expect(riskAt(stateOf(others.map(raised)), now)).toEqual(riskAt(stateOf(ones.map(raised)), now))
      }),
    )
  })
  it('never sinks by a signal that is new, nor rises by one that is cleared', () => {
    fc.assert(
      fc.property(signals, signal, later, (ones, one, now) => {
        const without = ones.filter(({ source, code }) => source !== one.source || code !== one.code)
        const before = stateOf(without.map(raised))
        const during = [...without.map(raised), ...raiseRisk(before, one)]
        expect(riskAt(stateOf(during), now).level).toBeGreaterThanOrEqual(riskAt(before, now).level)
        const { agent, source, code } = one
        const after = stateOf([...during, ...clearRisk(stateOf(during), { agent, source, code })])
        expect(riskAt(after, now)).toEqual(riskAt(before, now))
      }),
    )
  })
})
