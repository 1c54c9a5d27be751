import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextAttempt } from './schedule.ts'

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const life = fc.integer({ min: 2_000, max: 30 * 86_400_000 })
const now = 1_800_000_000_000

describe('when to attest again', () => {
  it('after an accepted result: between 60 % and 74 % of its life', () =>
    fc.assert(
      fc.property(life, random, (length, chance) => {
        const standing = { from: now, until: now + length }
        const wait = nextAttempt({ now, standing, failures: 0, refused: false, random: chance })
        expect(wait).toBeGreaterThanOrEqual(length * 0.6 - 1)
        expect(wait).toBeLessThanOrEqual(length * 0.7334)
      }),
    ))

  it('a fleet that started together comes apart: at most 2 % of it within half a second of five minutes', () => {
    const waits = Array.from({ length: 1_000 }, (_, index) =>
      nextAttempt({
        now,
        standing: { from: now, until: now + 300_000 },
        failures: 0,
        refused: false,
        random: index / 1_000,
      }),
    )
    const most = Math.max(...waits.map((start) => waits.filter((at) => at >= start && at < start + 500).length))
    // Two fifteenths of 300 s are 40 s: half a second of it holds 1.25 % of them.
    expect(most).toBeLessThan(20)
    expect(waits.reduce((sum, wait) => sum + wait, 0) / waits.length).toBeCloseTo(200_000, -3)
  })

  it('while a result stands and something fails: before its end, and at least four more attempts fit', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 8_000, max: 86_400_000 }),
        fc.integer({ min: 1, max: 30 }),
        fc.boolean(),
        random,
        (left, failures, refused, chance) => {
          const standing = { from: now - left, until: now + left }
          let at = now
          for (let more = 0; more < 4; more++) {
            at += nextAttempt({ now: at, standing, failures: failures + more, refused, random: chance })
            expect(at).toBeLessThan(standing.until)
          }
        },
      ),
    ))

  it('without a result: pauses grow to half a minute after errors, to five minutes after refusals, and not further', () =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.boolean(), random, (failures, refused, chance) => {
        const wait = nextAttempt({ now, standing: undefined, failures, refused, random: chance })
        expect(wait).toBeGreaterThanOrEqual(250)
        expect(wait).toBeLessThanOrEqual(refused ? 300_000 : 30_000)
        const next = nextAttempt({ now, standing: undefined, failures: failures + 1, refused, random: chance })
        expect(next).toBeGreaterThanOrEqual(wait)
      }),
    ))
})
