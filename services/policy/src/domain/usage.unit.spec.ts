import type { AuthorizationDetail } from '@credence/contracts/authority'
import type { Limits } from '@credence/contracts/limits'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { countUses, type Node, spend, type UsageState, usageEvolution, usedOf } from './usage.ts'

const detail = (limits?: Partial<Limits>): AuthorizationDetail => ({
  ...facts.detail(),
  ...(limits ? { limits: { patterns: [], ...limits } } : {}),
})
const [location = ''] = facts.detail().locations
const act = (value?: string) => ({
  location,
  action: 'calendar.book',
  resource: 'CalendarEvent::2026/1',
  now: facts.NOW,
  ...(value ? { amount: { currency: 'EUR', value } } : {}),
})
const eur = (value: string) => ({ currency: 'EUR', value })

/** Does the act if it fits, as a decision point does. */
function perform(state: UsageState, line: Node[], value?: string): { state: UsageState; done: boolean } {
  const spending = spend(line, act(value), (node, at) => usedOf(state, node, at))
  if (spending.judged !== 'permitted') return { state, done: false }
  const counted = countUses('root', 'dec_1', spending)
  return { state: counted.reduce(usageEvolution.evolve, state), done: true }
}

describe('uses', () => {
  it('a grant for one payment pays once', () => {
    const line = [{ node: 'grt_1', details: [detail({ count: 1 })] }]
    const first = perform(undefined, line)
    expect(first.done).toBe(true)
    expect(perform(first.state, line).done).toBe(false)
  })

  it('are counted at the grant and at everything above it that is limited, in one event', () => {
    const line = [
      { node: 'grt_1', details: [detail({ count: 5 })] },
      { node: 'dlg_2', details: [detail()] },
      { node: 'dlg_1', details: [detail({ count: 9 })] },
      { node: 'mnd_1', details: [detail({ total: eur('10') })] },
    ]
    const { uses } = spend(line, act('4'), () => ({ count: 0 }))
    expect(countUses('mnd_1', 'dec_1', { judged: 'permitted', uses, looked: [] })).toEqual([
      {
        type: 'credence.policy.usage.counted.v1',
        data: {
          root: 'mnd_1',
          decision: 'dec_1',
          uses: [
            { node: 'grt_1', detail: 0 },
            { node: 'dlg_1', detail: 0 },
            { node: 'mnd_1', detail: 0, amount: eur('4') },
          ],
        },
      },
    ])
  })

  it('hold over all tasks under one delegation', () => {
    const under = (grant: string) => [
      { node: grant, details: [detail({ count: 2 })] },
      { node: 'dlg_1', details: [detail({ count: 2 })] },
    ]
    let state: UsageState
    const done = ['grt_1', 'grt_2', 'grt_3'].map((grant) => {
      const performed = perform(state, under(grant))
      state = performed.state
      return performed.done
    })
    expect(done).toEqual([true, true, false])
  })

  it('of an object without a limit are not counted, and it is taken before one that has', () => {
    const line = [{ node: 'grt_1', details: [detail({ count: 1 }), detail()] }]
    expect(spend(line, act(), () => ({ count: 1 }))).toMatchObject({ judged: 'permitted', uses: [] })
  })

  it('that do not fit the book any more are refused by name', () => {
    expect(() => countUses('root', 'dec_1', { judged: 'limit_exceeded', uses: [], looked: [] })).toThrow(
      expect.objectContaining({ reason: 'limit_exceeded' }),
    )
  })

  it('never are more than any limit on the line, whatever is done in whatever order', () => {
    const limit = fc.record(
      { count: fc.integer({ min: 1, max: 5 }), total: fc.constantFrom(eur('7.5'), eur('20'), eur('0.3')) },
      { requiredKeys: [] },
    )
    const acts = fc.array(
      fc.record({ grant: fc.constantFrom('grt_1', 'grt_2'), value: fc.constantFrom('0.1', '2.5', '7.5', '0.2') }),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(limit, limit, acts, (ofGrant, ofRoot, all) => {
        const line = (grant: string) => [
          { node: grant, details: [detail(Object.keys(ofGrant).length > 0 ? ofGrant : undefined)] },
          { node: 'dlg_1', details: [detail(Object.keys(ofRoot).length > 0 ? ofRoot : undefined)] },
        ]
        let state: UsageState
        const done: { grant: string; value: string }[] = []
        for (const one of all) {
          const performed = perform(state, line(one.grant), one.value)
          state = performed.state
          if (performed.done) done.push(one)
        }
        const tenths = (some: typeof done) => some.reduce((sum, { value }) => sum + Math.round(Number(value) * 10), 0)
        for (const [limits, some] of [
          [ofRoot, done],
          [ofGrant, done.filter(({ grant }) => grant === 'grt_1')],
          [ofGrant, done.filter(({ grant }) => grant === 'grt_2')],
        ] as const) {
          if (limits.count !== undefined) expect(some.length).toBeLessThanOrEqual(limits.count)
          if (limits.total) expect(tenths(some)).toBeLessThanOrEqual(Number(limits.total.value) * 10)
        }
      }),
    )
  })
})
