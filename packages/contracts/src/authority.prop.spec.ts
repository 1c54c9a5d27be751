/** The laws of "narrower", with limits and without, over arbitrary details and acts. */
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { act, detail, details } from '../../../infra/testing/authorities.ts'
import {
  type AuthorizationDetail,
  AuthorizationDetails,
  dropped,
  intersect,
  isNarrower,
  narrow,
  permits,
} from './authority.ts'

vi.setConfig({ testTimeout: 600_000 })
const RUNS = { numRuns: 2_000 }

/** Counts how often a premise held: a law about nothing says nothing. */
function often(law: (held: () => void) => void, least: number): void {
  let count = 0
  law(() => {
    count++
  })
  expect(count).toBeGreaterThan(least)
}

describe('narrower', () => {
  it('is reflexive', () => {
    fc.assert(fc.property(details, (a) => isNarrower(a, a)))
  })

  it('rar-property-narrower-is-transitive: through arbitrary sets, and down every chain of cuts', () =>
    often((held) => {
      fc.assert(
        fc.property(details, details, details, (a, b, c) => {
          const chain = [
            [a, b, c],
            [intersect(intersect(a, b), c), intersect(a, b), a],
          ] as const
          for (const [least, middle, most] of chain)
            if (isNarrower(least, middle) && isNarrower(middle, most)) {
              if (least.length > 0) held()
              expect(isNarrower(least, most)).toBe(true)
            }
        }),
        RUNS,
      )
    }, 300))

  it('never permits more', () =>
    often((held) => {
      fc.assert(
        fc.property(details, details, act, (a, b, one) => {
          const child = intersect(a, b)
          for (const [less, more] of [
            [a, b],
            [child, a],
            [child, b],
          ] as const)
            if (isNarrower(less, more) && permits(less, one)) {
              held()
              expect(permits(more, one)).toBe(true)
            }
        }),
        { numRuns: 5_000 },
      )
    }, 100))

  it('is antisymmetric but for the spelling: both ways means that both permit the same', () => {
    fc.assert(
      fc.property(details, details, act, (a, b, one) => {
        const turned = a.map((each) => ({ ...each, actions: [...each.actions, ...each.actions].reverse() })).reverse()
        const respelt = [...turned, ...intersect(a, b)]
        expect(isNarrower(a, respelt) && isNarrower(respelt, a)).toBe(true)
        expect(permits(respelt, one)).toBe(permits(a, one))
        if (isNarrower(a, b) && isNarrower(b, a)) expect(permits(a, one)).toBe(permits(b, one))
      }),
      RUNS,
    )
  })

  it('rar-limit-dropped-is-wider: a limit added or tightened is narrower, a limit dropped never is', () =>
    often((held) => {
      fc.assert(
        fc.property(detail, detail, (one, other) => {
          const { limits, ...unlimited } = one
          if (!limits) return
          held()
          expect(isNarrower([one], [unlimited])).toBe(true)
          expect(isNarrower([unlimited], [one])).toBe(false)
          for (const member of ['amount', 'count', 'window'] as const) {
            if (limits[member] === undefined) continue
            const { [member]: _, ...rest } = limits
            expect(isNarrower([{ ...one, limits: rest }], [one])).toBe(false)
            expect(isNarrower([one], [{ ...one, limits: rest }])).toBe(true)
          }
          if (limits.patterns.length > 0)
            expect(isNarrower([{ ...one, limits: { ...limits, patterns: [] } }], [one])).toBe(false)
          for (const cut of intersect([one], [{ ...unlimited, limits: other.limits }]))
            expect(isNarrower([cut], [one])).toBe(true)
        }),
        RUNS,
      )
    }, 300))

  it('rar-child-covered-by-one-parent: what one object of many covers is inside; the order does not matter', () => {
    fc.assert(
      fc.property(details, details, (a, b) => {
        expect(isNarrower(a, [...b, ...a])).toBe(true)
        expect(isNarrower([...a].reverse(), [...a, ...b])).toBe(true)
        expect(isNarrower(a, b)).toBe(a.every((one) => b.some((other) => isNarrower([one], [other]))))
      }),
    )
  })

  it('rar-union-cross-product-rejected: actions of one object with resources of another are inside neither', () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{3,6}$/), { minLength: 4, maxLength: 4 })
    fc.assert(
      fc.property(names, ([a, b, c, d]) => {
        const one = (actions: string[], resources: string[]): AuthorizationDetail => ({
          type: 'agent_permission',
          locations: ['https://a.example'],
          actions,
          resources,
        })
        const parents = [one([`crm.${a}`], [`Customer::${c}`]), one([`crm.${b}`], [`Customer::${d}`])]
        expect(isNarrower([one([`crm.${a}`], [`Customer::${d}`])], parents)).toBe(false)
        const both = one([`crm.${a}`, `crm.${b}`], [`Customer::${c}`, `Customer::${d}`])
        expect(isNarrower([both], parents)).toBe(false)
        expect(intersect([both], parents)).toEqual(parents)
      }),
    )
  })

  it('rar-empty-is-nothing: nothing is inside everything, permits nothing, and nothing else is inside it', () => {
    fc.assert(
      fc.property(details, act, (a, one) => {
        expect(isNarrower([], a)).toBe(true)
        expect(isNarrower(a, [])).toBe(false)
        expect([intersect(a, []), intersect([], a)]).toEqual([[], []])
        expect(permits([], one)).toBe(false)
        expect(AuthorizationDetails.safeParse([]).success).toBe(false)
      }),
    )
  })
})

describe('what two have in common', () => {
  it('is narrower than both', () => {
    fc.assert(
      fc.property(details, details, (a, b) => {
        const common = intersect(a, b)
        expect(isNarrower(common, a) && isNarrower(common, b)).toBe(true)
      }),
      RUNS,
    )
  })

  it('permits an act exactly when both permit it', () =>
    often((held) => {
      fc.assert(
        fc.property(details, details, act, (a, b, one) => {
          const both = permits(a, one) && permits(b, one)
          if (both) held()
          expect(permits(intersect(a, b), one)).toBe(both)
        }),
        { numRuns: 4_000 },
      )
    }, 60))

  it('is the most that is inside both: what is inside both is inside it, as far as it can be said in one object', () =>
    often((held) => {
      fc.assert(
        fc.property(detail, details, details, (one, a, b) => {
          for (const inside of intersect(intersect([one], a), b)) {
            held()
            expect(isNarrower([inside], intersect(a, b))).toBe(true)
          }
        }),
        RUNS,
      )
    }, 200))

  it('with itself is itself; the order does not matter; and it is well-formed', () => {
    fc.assert(
      fc.property(details, details, (a, b) => {
        expect(isNarrower(a, intersect(a, a))).toBe(true)
        expect(isNarrower(intersect(a, b), intersect(b, a))).toBe(true)
        const common = intersect(a, b)
        if (common.length > 0) expect(AuthorizationDetails.parse(common)).toEqual(common)
        for (const one of common)
          expect(
            isNarrower(
              [one],
              common.filter((other) => other !== one),
            ),
          ).toBe(false)
      }),
      RUNS,
    )
  })
})

describe('narrowing', () => {
  const bounded = (a: AuthorizationDetail[], b: AuthorizationDetail[], c: AuthorizationDetail[]) =>
    narrow(a, [
      { details: b, reason: 'outside_delegation' },
      { details: c, reason: 'outside_ceiling' },
    ])

  it('rar-absent-inherits-parent: gives what lies inside every bound, with the limits of each', () => {
    fc.assert(
      fc.property(details, details, details, act, (a, b, c, one) => {
        const { given } = bounded(a, b, c)
        for (const above of [a, b, c]) expect(isNarrower(given, above)).toBe(true)
        expect(permits(given, one)).toBe([a, b, c].every((above) => permits(above, one)))
      }),
      { numRuns: 10_000 },
    )
  })

  it('names each object that is not given whole, as it was asked, and none that is', () => {
    fc.assert(
      fc.property(details, details, details, (a, b, c) => {
        const { given, dropped: lost } = bounded(a, b, c)
        for (const one of a) expect(lost.some(({ detail: named }) => named === one)).toBe(!isNarrower([one], given))
        expect(lost.length).toBeLessThanOrEqual(2 * a.length)
        for (const { detail: named, reason } of lost)
          expect(isNarrower([named], reason === 'outside_delegation' ? b : c)).toBe(false)
      }),
      RUNS,
    )
  })

  it('tells what is outside one set', () => {
    fc.assert(
      fc.property(details, details, (asked, given) => {
        const named = dropped(asked, given, 'outside').map(({ detail: one }) => one)
        for (const one of asked) expect(named.includes(one)).toBe(!isNarrower([one], given))
      }),
    )
  })
})
