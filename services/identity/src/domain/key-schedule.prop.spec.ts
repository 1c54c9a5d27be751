import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  currentKey,
  finishedKeys,
  isRotationDue,
  type KeySchedule,
  lastChange,
  publishedKeys,
  signsFrom,
} from './key-schedule.ts'

type Key = { kid: string; createdAt: Date }
const START = Date.UTC(2026, 0, 1)
const at = (second: number) => new Date(START + second * 1000)

/** A world of replicas that look after one store, each when it happens to, and sign in between. */
type Step = { wait: number; replica: number; act: 'maintain' | 'sign'; life: number }
const replicas = 3
const world = fc.record({
  schedule: fc
    .record({
      rotationSeconds: fc.integer({ min: 40, max: 400 }),
      leadParts: fc.integer({ min: 1, max: 4 }),
      life: fc.integer({ min: 1, max: 900 }),
    })
    .map(({ rotationSeconds, leadParts, life }) => ({
      life,
      schedule: { rotationSeconds, leadSeconds: rotationSeconds / (4 * leadParts), overlapSeconds: life + 1 },
    })),
  steps: fc.array(
    fc.record<Step>({
      wait: fc.integer({ min: 0, max: 60 }),
      replica: fc.integer({ min: 0, max: replicas - 1 }),
      act: fc.constantFrom('maintain', 'maintain', 'sign'),
      life: fc.integer({ min: 1, max: 900 }),
    }),
    { maxLength: 120 },
  ),
})

describe('the schedule of signing keys', () => {
  it('law: whatever one replica signs, every replica verifies until it expires, however keys are rotated', () => {
    fc.assert(
      fc.property(world, ({ schedule: { schedule, life }, steps }) => {
        const store = new Map<string, Key>()
        const views: { keys: Key[]; readAt: number }[] = Array.from({ length: replicas }, () => ({
          keys: [],
          readAt: -1e9,
        }))
        const signed: { kid: string; expires: number }[] = []
        const sequences = views.map(() => 0)
        let now = 0
        const read = (view: (typeof views)[number]) => Object.assign(view, { keys: [...store.values()], readAt: now })
        for (const step of steps) {
          now += step.wait
          const view = views[step.replica] as (typeof views)[number]
          if (step.act === 'maintain') {
            read(view)
            if (isRotationDue(view.keys, schedule, at(now)))
              store.set(`k${store.size}-${now}`, { kid: `k${store.size}-${now}`, createdAt: at(now) })
            for (const { kid } of finishedKeys(view.keys, schedule, at(now))) store.delete(kid)
            read(view)
          } else {
            // As the ring does: what was not read for half of the lead is read before anything is signed.
            if (now - view.readAt > schedule.leadSeconds / 2) read(view)
            const key = currentKey(view.keys, schedule, at(now))
            if (key) {
              expect(signsFrom(key, view.keys, schedule).getTime()).toBeLessThanOrEqual(at(now).getTime())
              signed.push({ kid: key.kid, expires: now + Math.min(step.life, life) })
            }
          }
          for (const { kid, expires } of signed.filter((one) => one.expires > now))
            for (const other of views) {
              // A verifier that does not know a key reads the store again.
              const knows = publishedKeys(other.keys, schedule, at(now)).some((key) => key.kid === kid)
              const finds = publishedKeys([...store.values()], schedule, at(now)).some((key) => key.kid === kid)
              expect(finds, `${kid} must be published until ${expires}, now ${now}`).toBe(true)
              // By the time that it signs, those who read the store as they should know it, the first key excepted.
              const first = store.values().next().value?.kid === kid
              if (!first && now - other.readAt <= schedule.leadSeconds / 2) expect(knows).toBe(true)
            }
          const sequence = lastChange(view.keys, schedule, at(now))
          expect(sequence).toBeGreaterThanOrEqual(sequences[step.replica] as number)
          sequences[step.replica] = sequence
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('law: replicas that see the same keys agree on everything, in whatever order they see them', () => {
    const keys = fc.uniqueArray(
      fc.record({ kid: fc.string({ minLength: 1, maxLength: 3 }), createdAt: fc.integer({ min: 0, max: 5 }).map(at) }),
      { selector: ({ kid }) => kid, minLength: 1, maxLength: 6 },
    )
    const schedule: KeySchedule = { rotationSeconds: 4, leadSeconds: 1, overlapSeconds: 2 }
    fc.assert(
      fc.property(keys, fc.integer({ min: 0, max: 12 }), (made, second) => {
        const now = at(second)
        const turned = made.toReversed()
        expect(currentKey(turned, schedule, now)).toEqual(currentKey(made, schedule, now))
        expect(publishedKeys(turned, schedule, now)).toEqual(publishedKeys(made, schedule, now))
        expect(lastChange(turned, schedule, now)).toBe(lastChange(made, schedule, now))
        expect(publishedKeys(made, schedule, now)).toContainEqual(currentKey(made, schedule, now))
      }),
    )
  })

  it('a key is published before it signs, signs for one rotation, and goes after what it signed', () => {
    const schedule: KeySchedule = { rotationSeconds: 100, leadSeconds: 10, overlapSeconds: 50 }
    const [first, second] = [
      { kid: 'first', createdAt: at(0) },
      { kid: 'second', createdAt: at(100) },
    ]
    expect(isRotationDue([first], schedule, at(99))).toBe(false)
    expect(isRotationDue([first], schedule, at(100))).toBe(true)
    const both = [second, first]
    for (const [now, signs, published] of [
      [0, 'first', 'first second'],
      [109, 'first', 'first second'],
      [110, 'second', 'first second'],
      [159, 'second', 'first second'],
      [160, 'second', 'second'],
    ] as const) {
      expect(currentKey(both, schedule, at(now))?.kid, String(now)).toBe(signs)
      expect(
        publishedKeys(both, schedule, at(now))
          .map(({ kid }) => kid)
          .join(' '),
      ).toBe(published)
    }
    expect(finishedKeys(both, schedule, at(160))).toEqual([first])
    expect(lastChange(both, schedule, at(160))).toBe(at(160).getTime())
    expect(lastChange([second], schedule, at(161))).toBe(at(160).getTime())
    expect(currentKey([], schedule, at(0))).toBeUndefined()
  })
})
