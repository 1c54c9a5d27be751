import type { Fact } from '@credence/contracts/events/catalog'
import { describe, expect, it } from 'vitest'
import { activatePolicies, type Live, liveEvolution, reportPolicies, stopReport, useOf } from './live.ts'
import type { PolicySet } from './policyset.ts'

const names = ['a', 'b', 'c', 'd', 'e'].map((letter) => letter.repeat(64))
const [a = '', b = '', c = '', d = '', e = ''] = names

const set = (version: string, part: Partial<PolicySet> = {}): PolicySet => ({
  version,
  author: 'hum_a',
  comment: '',
  draftedAt: '2026-11-24T12:00:00.000Z',
  come: { policies: [true], schema: [] },
  validated: { version, policy_count: 1, schema_digest: version, engine: 'cedar 1', findings: [] },
  signedOff: { by: 'hum_b', comment: '' },
  ...part,
})
const given = (...facts: Fact[]) => ({
  state: facts.reduce(liveEvolution.evolve, liveEvolution.initialState),
  when: (command: (live: Live) => Fact[]) => ({
    thenDecided: (...wanted: unknown[]) =>
      expect(command(facts.reduce(liveEvolution.evolve, liveEvolution.initialState))).toEqual(wanted),
    thenRefused: (reason: string) =>
      expect(() => command(facts.reduce(liveEvolution.evolve, liveEvolution.initialState))).toThrow(
        expect.objectContaining({ reason }),
      ),
  }),
})
const activated = (version: string, previous?: string): Fact => ({
  type: 'credence.policy.live.activated.v1',
  data: { version, ...(previous && { previous }) },
})
const started = (version: string): Fact => ({ type: 'credence.policy.live.report_started.v1', data: { version } })
const stopped = (version: string): Fact => ({ type: 'credence.policy.live.report_stopped.v1', data: { version } })
const activate =
  (version: string, one = set(version)) =>
  (live: Live) =>
    activatePolicies(live, one, version)
const report =
  (version: string, one = set(version)) =>
  (live: Live) =>
    reportPolicies(live, one, version)

describe('the active version', () => {
  it('is swapped at once, names the one before, and can be brought back', () => {
    given().when(activate(a)).thenDecided(activated(a))
    given(activated(a)).when(activate(b)).thenDecided(activated(b, a))
    given(activated(a), activated(b, a)).when(activate(a)).thenDecided(activated(a, b))
    expect(given(activated(a), activated(b, a)).state).toEqual({ active: b, reporting: [] })
  })
  it('is not activated again', () => given(activated(a)).when(activate(a)).thenDecided())
  it('has passed the checks and a second person, and is not retired', () => {
    const { validated: _, ...draft } = set(a)
    const { signedOff: __, ...unsigned } = set(a)
    given().when(activate(a, draft)).thenRefused('not_validated')
    given().when(activate(a, unsigned)).thenRefused('not_signed_off')
    given()
      .when(activate(a, set(a, { retired: true })))
      .thenRefused('policies_retired')
    given()
      .when((live) => activatePolicies(live, undefined, a))
      .thenRefused('policies_not_found')
  })
  it('is no longer decided beside itself', () =>
    given(activated(a), started(b)).when(activate(b)).thenDecided(activated(b, a), stopped(b)))
})

describe('versions in report-only', () => {
  it('are validated, and need no second person: they enforce nothing', () => {
    const { signedOff: _, ...unsigned } = set(b)
    given(activated(a)).when(report(b, unsigned)).thenDecided(started(b))
    const { validated: __, ...draft } = set(b)
    given(activated(a)).when(report(b, draft)).thenRefused('not_validated')
  })
  it('are at most three, and never the active one', () => {
    const three = [started(b), started(c), started(d)]
    given(activated(a), ...three)
      .when(report(e))
      .thenRefused('too_many_reporting')
    given(activated(a), ...three, stopped(c))
      .when(report(e))
      .thenDecided(started(e))
    given(activated(a)).when(report(a)).thenRefused('policies_active')
    given(activated(a), started(b)).when(report(b)).thenDecided()
  })
  it('end when they are told to', () => {
    given(started(b))
      .when((live) => stopReport(live, b))
      .thenDecided(stopped(b))
    given()
      .when((live) => stopReport(live, b))
      .thenDecided()
    const { state } = given(activated(a), started(b))
    expect([a, b, c].map((version) => useOf(state, version))).toEqual(['active', 'reporting', undefined])
  })
})
