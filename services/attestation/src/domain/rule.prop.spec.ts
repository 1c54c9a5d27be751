/** Laws of rules: what all of, and any of, several parts mean. */
import type { Rule } from '@credence/contracts/attestation/requirements'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { about, profileOf, ruleOf, submission } from '../testing/evidence.ts'
import { appraise, piecesOf } from './appraisal.ts'
import { asGoodAs, combined, statusOf } from './ar4si.ts'
import { judgeRule } from './rule.ts'

const rules = fc.array(ruleOf(), { minLength: 1, maxLength: 4 })
const RUNS = { numRuns: Number(process.env.RUNS ?? 3_000) }

const judging = fc.tuple(submission, about, ruleOf()).map(([pieces, around, rule]) => {
  const { evidence } = appraise(pieces, { ...around, profile: profileOf(rule) })
  const judged = {
    pieces: piecesOf(evidence),
    appraisers: around.appraisers,
    worst: 'warning' as const,
    now: around.now,
  }
  return (one: Rule) => {
    const outcome = judgeRule(one, judged)
    const status = statusOf(combined(outcome.by.map((kind) => judged.pieces.get(kind)?.vector ?? {})))
    return { ...outcome, met: outcome.unmet.length === 0, status }
  }
})

describe('a rule', () => {
  it('of all is met when every part is, and for no longer than each', () =>
    fc.assert(
      fc.property(judging, rules, (judge, parts) => {
        const all = judge({ all_of: parts })
        expect(all.met).toBe(parts.every((part) => judge(part).met))
        if (all.met) expect(all.until).toBe(Math.min(...parts.map((part) => judge(part).until)))
      }),
      RUNS,
    ))
  it('of any is met when one part is, by the best of those, for as long as the longest of these', () =>
    fc.assert(
      fc.property(judging, rules, (judge, parts) => {
        const any = judge({ any_of: parts })
        const met = parts.map(judge).filter((part) => part.met)
        expect(any.met).toBe(met.length > 0)
        if (!any.met) return
        const best = met.filter((one) => met.every((other) => asGoodAs(one.status, other.status)))
        expect(any.status).toBe(best[0]?.status)
        expect(any.until).toBe(Math.max(...best.map(({ until }) => until)))
        expect(new Set(any.by)).toEqual(new Set(best.flatMap(({ by }) => by)))
      }),
      RUNS,
    ))
  it('says the same in another order, and of one part what that part says', () =>
    fc.assert(
      fc.property(judging, rules, ruleOf(), (judge, parts, rule) => {
        for (const name of ['all_of', 'any_of'] as const) {
          const [one, other] = [parts, parts.toReversed()].map((some) => judge({ [name]: some } as Rule))
          expect([one?.met, one?.until, new Set(one?.unmet)]).toEqual([other?.met, other?.until, new Set(other?.unmet)])
          expect(judge({ [name]: [rule] } as Rule)).toEqual(judge(rule))
        }
      }),
      RUNS,
    ))
})
