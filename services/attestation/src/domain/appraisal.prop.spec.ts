/** What holds of every appraisal, whatever is shown, approved and asked for. */
import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import type { Rule } from '@credence/contracts/attestation/requirements'
import type { Composition } from '@credence/contracts/events/values'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { about, composition, examined, KINDS, NOW, profileOf, ruleOf, submission } from '../testing/evidence.ts'
import { appraise, type Examined } from './appraisal.ts'
import { asGoodAs } from './ar4si.ts'

const RUNS = { numRuns: Number(process.env.RUNS ?? 3_000) }
const others = KINDS.filter((kind) => kind !== 'software')

const claimsOf = <K extends keyof Kinds>(pieces: readonly Examined[], kind: K): Kinds[K] | undefined =>
  pieces.flatMap((one) => (one.kind === kind && 'claims' in one ? [one.claims as Kinds[K]] : []))[0]
type Kinds = {
  software: ClaimsOf<'software'>
  'agent-manifest': ClaimsOf<'agent-manifest'>
  'model-signing': ClaimsOf<'model-signing'>
  'container-image': ClaimsOf<'container-image'>
}

const stating = (pieces: readonly Examined[], said: Composition): Examined[] =>
  pieces.map((one) => (one.kind === 'software' && 'claims' in one ? { ...one, claims: { composition: said } } : one))

/** What the agent says, where others do not prove otherwise. */
function asProved(pieces: readonly Examined[], said: Composition): Composition {
  const manifest = claimsOf(pieces, 'agent-manifest')?.composition
  const signed = claimsOf(pieces, 'model-signing')
  // What is claimed of a model is the agent’s own word again.
  const model = signed?.grade === 'claimed' ? undefined : signed?.statement_digest
  const program = claimsOf(pieces, 'container-image')?.image_digest
  return { ...said, ...(model ? { model } : {}), ...(program ? { program } : {}), ...manifest }
}

describe('an appraisal', () => {
  it('is accepted now and then, so that what follows says something', () => {
    const cases = fc.sample(fc.tuple(submission, ruleOf(others), about), 3_000)
    const accepted = cases.filter(
      ([pieces, rule, around]) => appraise(pieces, { ...around, profile: profileOf(rule) }).accepted,
    )
    expect(accepted.length).toBeGreaterThan(30)
  })

  it('never gets better by what the agent says against what others prove', () =>
    fc.assert(
      fc.property(submission, ruleOf(others), about, composition, (pieces, rule, around, said) => {
        const profile = profileOf(rule)
        const told = appraise(stating(pieces, said), { ...around, profile })
        const proved = appraise(stating(pieces, asProved(pieces, said)), { ...around, profile })
        if (told.accepted) expect(proved.accepted).toBe(true)
        if (told.accepted) expect(asGoodAs(proved.status, told.status)).toBe(true)
      }),
      RUNS,
    ))

  it('needs a statement that holds', () =>
    fc.assert(
      fc.property(submission, ruleOf(), about, (pieces, rule, around) => {
        const unsaid = pieces.filter(({ kind }) => kind !== 'software')
        expect(appraise(unsaid, { ...around, profile: profileOf(rule) }).accepted).toBe(false)
      }),
      RUNS,
    ))

  it('that is contraindicated is not accepted for any piece more', () =>
    fc.assert(
      fc.property(
        submission.chain((pieces) => {
          const rest = others.filter((kind) => !pieces.some((one) => one.kind === kind))
          const more = rest.length > 0 ? fc.constantFrom(...rest).chain(examined) : fc.constant(undefined)
          return fc.tuple(fc.constant(pieces), more)
        }),
        ruleOf(),
        about,
        ([pieces, more], rule, around) => {
          const before = appraise(pieces, { ...around, profile: profileOf(rule) })
          if (before.status !== 'contraindicated' || !more) return
          expect(appraise([...pieces, more], { ...around, profile: profileOf(rule) }).accepted).toBe(false)
        },
      ),
      RUNS,
    ))

  it('is contraindicated when one piece is, whatever the profile says', () =>
    fc.assert(
      fc.property(submission, ruleOf(), about, (pieces, rule, around) => {
        const { evidence, status, accepted } = appraise(pieces, { ...around, profile: profileOf(rule) })
        if (!evidence.some((one) => one.status === 'contraindicated')) return
        expect({ status, accepted }).toEqual({ status: 'contraindicated', accepted: false })
      }),
      RUNS,
    ))

  it('is never accepted by a stricter profile and refused by a milder one', () =>
    fc.assert(
      fc.property(submission, ruleOf(), ruleOf(), about, (pieces, rule, more, around) => {
        const strict: Rule = { all_of: [rule, more] }
        const affirming = { worst_acceptable_status: 'affirming' as const }
        const accepted = (one: Rule, part = {}) =>
          appraise(pieces, { ...around, profile: profileOf(one, part) }).accepted
        if (accepted(strict)) expect(accepted(rule) && accepted(more)).toBe(true)
        if (accepted(rule, affirming)) expect(accepted(rule)).toBe(true)
      }),
      RUNS,
    ))

  it('counts for no longer than the profile, the age of its pieces and their own ends say, for no resource longer than for the least', () =>
    fc.assert(
      fc.property(submission, ruleOf(), about, fc.integer({ min: 1, max: 7_200 }), (pieces, rule, around, life) => {
        const sensitivities = [
          {
            sensitivity: 'confidential' as const,
            worst_acceptable_status: 'affirming' as const,
            maximum_age_seconds: 60,
          },
        ]
        const profile = profileOf(rule, { maximum_age_seconds: life, sensitivities })
        const { accepted, until, sufficient } = appraise(pieces, { ...around, profile })
        if (!accepted) {
          expect({ until, sufficient }).toEqual({ until: 0, sufficient: [] })
          return
        }
        expect(until).toBeLessThanOrEqual(NOW.getTime() + life * 1000)
        for (const one of sufficient) expect(one.until).toBeLessThanOrEqual(until)
        const high = sufficient.filter(({ sensitivity }) => ['confidential', 'restricted'].includes(sensitivity))
        for (const one of high) expect(one.until).toBeLessThanOrEqual(NOW.getTime() + 60_000)
        // A word for one level counts for every higher one.
        expect(high.length === 0 || high.length === 2).toBe(true)
      }),
      RUNS,
    ))

  it('names a reason whenever it is not accepted', () =>
    fc.assert(
      fc.property(submission, fc.option(ruleOf(), { nil: undefined }), about, (pieces, rule, around) => {
        const { accepted, against } = appraise(pieces, { ...around, profile: rule && profileOf(rule) })
        expect(accepted).toBe(against.length === 0)
        if (!rule) expect(against).toContain('no_profile')
      }),
      RUNS,
    ))
})
