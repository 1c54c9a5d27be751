/** Random policies, entities and requests: this package answers as cedar-wasm does, by index and without. */
import { expect, test } from 'vitest'
import { compare } from './testing/oracle.ts'
import { random } from './testing/random.ts'
import { randomCase } from './testing/random-case.ts'

const SEED = Number(process.env.CEDAR_SEED ?? Date.now() % 1_000_000)

test.each([
  ['without a schema', false],
  ['with a schema', true],
])(
  `answers as cedar-wasm, %s (CEDAR_SEED=${SEED})`,
  (_, withSchema) => {
    const disagreements: string[] = []
    let [evaluations, allowed, withErrors] = [0, 0, 0]
    for (let index = 0; index < 100; index++) {
      const of = randomCase(random(SEED + index), {
        policies: 24,
        requests: 20,
        depth: 4,
        entities: 4,
        attributes: 0.4,
        withSchema,
      })
      const result = compare(of)
      evaluations += result.evaluations
      allowed += result.allowed
      withErrors += result.withErrors
      disagreements.push(...result.disagreements)
    }
    expect(disagreements.slice(0, 3)).toEqual([])
    expect(evaluations).toBe(2_000)
    // The cases are worth something: some are allowed, some denied, some fail.
    expect(allowed).toBeGreaterThan(100)
    expect(evaluations - allowed).toBeGreaterThan(100)
    expect(withErrors).toBeGreaterThan(100)
  },
  120_000,
)
