import type { Fact } from '@credence/contracts/events/catalog'
import { newId } from '@credence/shared/ids'
import { describe, expect, it } from 'vitest'
import { fact, NOW } from '../../../../infra/testing/facts.ts'
import { given as givenFacts } from '../../../../infra/testing/given.ts'
import { clearRisk, type Risk, raiseRisk, riskAt, riskEvolution, type Signal } from './risk.ts'

const agent = newId('agt')
const signal = (part: Partial<Signal> = {}): Signal => ({
  agent,
  source: 'spiffe://acme.example/detector/hours',
  code: 'unusual_hours',
  level: 'medium',
  explanation: 'Booked at three in the morning',
  raised_at: NOW.toISOString(),
  decay_seconds: 3_600,
  ...part,
})
const raised = (part: Partial<Signal> = {}): Fact => fact('credence.policy.risk.raised.v1', signal(part))
const hours = (count: number) => new Date(NOW.getTime() + count * 3_600_000)
const given = (...facts: Fact[]) => givenFacts(riskEvolution, facts)
const stateOf = (...facts: Fact[]) => facts.reduce(riskEvolution.evolve, riskEvolution.initialState)

describe('risk', () => {
  it('is raised by a signal, and named with its codes', () => {
    given()
      .when((state) => raiseRisk(state, signal()))
      .thenFacts({ type: 'credence.policy.risk.raised.v1', data: signal() })
    expect(riskAt(stateOf(), NOW)).toEqual({ level: 0, codes: [] })
    const facts = [raised(), raised({ code: 'many_denials', level: 'high' }), raised({ source: 'hum_1' })]
    expect(riskAt(stateOf(...facts), NOW)).toEqual({
      level: 3,
      name: 'high',
      codes: ['many_denials', 'unusual_hours'],
    })
  })
  it('fades by one level for each decay, and is gone', () => {
    const state = stateOf(raised({ level: 'critical' }))
    const levels = [0, 0.99, 1, 2, 3, 3.99, 4, 100].map((count) => riskAt(state, hours(count)).level)
    expect(levels).toEqual([4, 4, 3, 2, 1, 1, 0, 0])
    expect(riskAt(state, hours(4))).toEqual({ level: 0, codes: [] })
  })
  it('of a clock that runs behind counts in full', () => {
    expect(riskAt(stateOf(raised()), hours(-1)).level).toBe(2)
  })
  it('is replaced by a newer signal of the same source and code, up or down', () => {
    expect(riskAt(stateOf(raised({ level: 'critical' }), raised({ level: 'low' })), NOW).level).toBe(1)
  })
  it('is cleared one signal at a time', () => {
    const { source, code } = signal()
    given(raised(), raised({ code: 'other' }))
      .when((state) => clearRisk(state, { agent, source, code }))
      .thenFacts({ type: 'credence.policy.risk.cleared.v1', data: { agent, source, code } })
    given(raised())
      .when((state) => clearRisk(state, { agent, source, code: 'unusual_hour' }))
      .thenRefused('signal_not_found')
    given(raised())
      .when((state) => clearRisk(state, { agent, source: 'hum_1', code }))
      .thenRefused('signal_not_found')
  })
  it('holds at most a hundred signals that count; the same again is not one more, and what has faded is none', () => {
    const many = Array.from({ length: 100 }, (_, index) => raised({ code: `code_${index}` }))
    given(...many)
      .when((state) => raiseRisk(state, signal()))
      .thenRefused('too_many_signals')
    given(...many)
      .when((state) => raiseRisk(state, signal({ code: 'code_7' })))
      .thenFacts({ type: 'credence.policy.risk.raised.v1' })
    const late = { raised_at: hours(2).toISOString() }
    given(...many)
      .when((state) => raiseRisk(state, signal(late)))
      .thenFacts({ type: 'credence.policy.risk.raised.v1' })
    expect(Object.keys((stateOf(...many, raised(late)) as Risk).signals)).toHaveLength(1)
  })
})
