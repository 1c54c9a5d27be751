/**
 * When a thing is withdrawn on which results rest, it does not matter whether a result was recorded before or after: no
 * result rests on it from then on. Nor is any other result touched, and what is unblocked counts again.
 */
import { newId } from '@credence/shared/ids'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recordedCommit } from '../../../../infra/testing/commits.ts'
import * as facts from '../../../../infra/testing/facts.ts'
import { attestationReasons } from '../domain/attestation.ts'
import { createResults } from './results.ts'

const REFERENCES = Array.from({ length: 3 }, () => newId('ref'))
const ANCHORS = Array.from({ length: 3 }, () => newId('anc'))
const DIGESTS = ['d', 'e', 'f'].map((letter) => letter.repeat(64))

const results = fc
  .array(fc.tuple(fc.subarray(REFERENCES), fc.subarray(ANCHORS), fc.subarray(DIGESTS)), { minLength: 1, maxLength: 5 })
  .map((all) => all.map(([references, anchors, digests]) => facts.result({ references, anchors, digests })))
const withdrawals = fc.tuple(fc.subarray(REFERENCES), fc.subarray(ANCHORS), fc.subarray(DIGESTS))

const reasonsOf = (world: ReturnType<typeof createResults>, agent: string) =>
  attestationReasons(world.result(agent), undefined, 'internal', world.withdrawal, facts.NOW)

describe('withdrawals', () => {
  it('count for exactly the results that rest on them, recorded before or after', () => {
    const seen = { counts: 0, withdrawn: 0 }
    fc.assert(
      fc.property(results, withdrawals, fc.infiniteStream(fc.nat(20)), (all, [references, anchors, digests], picks) => {
        const made = [
          ...all.map((result) => facts.recorded(result)),
          ...references.map(facts.referenceWithdrawn),
          ...anchors.map(facts.anchorWithdrawn),
          ...digests.map((digest) => facts.measurement('blocked', digest)),
        ]
        const world = createResults()
        for (let at = 1; made.length > 0; at++) {
          const [fact] = made.splice((picks.next().value ?? 0) % made.length, 1)
          if (fact)
            for (const model of world.models) model.apply(recordedCommit('ATTESTATION', at, 'some/thing', [fact]))
        }
        const gone = new Set([...references, ...anchors, ...digests])
        for (const result of all) {
          const rests = [...result.references, ...result.anchors, ...result.digests].some((id) => gone.has(id))
          expect(reasonsOf(world, result.agent)).toEqual(rests ? ['attestation_withdrawn'] : [])
          seen[rests ? 'withdrawn' : 'counts']++
        }
        for (const [at, digest] of digests.entries())
          for (const model of world.models)
            model.apply(
              recordedCommit('ATTESTATION', 1_000 + at, 'some/thing', [facts.measurement('unblocked', digest)]),
            )
        const still = new Set([...references, ...anchors])
        for (const result of all) {
          const rests = [...result.references, ...result.anchors].some((id) => still.has(id))
          expect(reasonsOf(world, result.agent)).toEqual(rests ? ['attestation_withdrawn'] : [])
        }
      }),
      { numRuns: 500 },
    )
    expect(Math.min(seen.counts, seen.withdrawn)).toBeGreaterThan(100)
  })

  it('are one entry, however many agents rest on one: no walk over them when it comes, and none at a decision', () => {
    const [reference = ''] = REFERENCES
    const world = createResults()
    const hear = (sequence: number, ...made: Parameters<typeof recordedCommit>[3]) => {
      const commit = recordedCommit('ATTESTATION', sequence, 'some/thing', made)
      const before = performance.now()
      for (const model of world.models) model.apply(commit)
      return performance.now() - before
    }
    const agents = Array.from({ length: 10_000 }, () => newId('agt'))
    for (const [at, agent] of agents.entries())
      hear(at + 1, facts.recorded(facts.result({ agent, references: [reference], anchors: ANCHORS, digests: DIGESTS })))
    for (const agent of agents.slice(0, 100)) expect(reasonsOf(world, agent)).toEqual([])
    expect(hear(20_000, facts.referenceWithdrawn(reference))).toBeLessThan(2)
    const before = performance.now()
    for (const agent of agents) expect(reasonsOf(world, agent)).toEqual(['attestation_withdrawn'])
    expect((performance.now() - before) / agents.length).toBeLessThan(0.5)
  })
})
