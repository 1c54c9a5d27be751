/** What the agent says of itself, appraised; profiles over several kinds; and the tiers of AR4SI. */
import type { Rule } from '@credence/contracts/attestation/requirements'
import type { Reference } from '@credence/contracts/attestation/trust'
import type { Composition } from '@credence/contracts/events/values'
import type { Agent } from '@credence/contracts/principals/agent'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { BLUEPRINT, NOW, profileOf } from '../testing/evidence.ts'
import { type AboutAppraisal, appraise, type Examined } from './appraisal.ts'
import { combined, statusOf, type TrustVector, tierOf } from './ar4si.ts'
import { appraisers } from './kinds/kinds.ts'
import { withAlike } from './reference.ts'
import { underProfile } from './standing.ts'

const digest = (digit: string) => digit.repeat(64)
const APPROVED: Composition = {
  program: digest('1'),
  prompt: digest('2'),
  tool_manifest: digest('3'),
  model: digest('4'),
}
const OTHER: Composition = { program: digest('5'), prompt: digest('6'), tool_manifest: digest('7'), model: digest('8') }
const reference = (composition: Composition, name: string): Reference => ({
  reference: name,
  blueprint: BLUEPRINT,
  label: name,
  value: { type: 'composition', ...composition },
})
const agent: Agent = {
  ...facts.agent({
    prompt_digest: APPROVED.prompt,
    tool_manifest_digest: APPROVED.tool_manifest,
    model: { provider: 'acme', name: 'small', version: '1', digest: APPROVED.model },
  }),
  state: 'registered',
}
const said = (composition: Composition): Examined => ({
  kind: 'software',
  digest: digest('e'),
  claims: { composition },
  anchors: [],
  measuredAt: NOW,
})
const svid: Examined = {
  kind: 'spiffe-svid',
  digest: digest('e'),
  claims: {
    spiffe_id: 'spiffe://td.example/a',
    trust_domain: 'td.example',
    form: 'x509',
    key_bound: true,
    expires_at: new Date(NOW.getTime() + 120_000).toISOString(),
  },
  anchors: ['anc_1'],
  measuredAt: NOW,
}
const SVID: Rule = { kind: 'spiffe-svid', ids: ['spiffe://td.example/*'] }
const SOFTWARE: Rule = { kind: 'software' }
const around: AboutAppraisal = {
  agent,
  profile: profileOf(SOFTWARE),
  references: [reference(APPROVED, 'ref_1'), reference(OTHER, 'ref_2')],
  lists: new Set(['composition']),
  isBlocked: () => false,
  previous: undefined,
  appraisers,
  now: NOW,
}
const of = (pieces: Examined[], part: Partial<AboutAppraisal> = {}) => appraise(pieces, { ...around, ...part })

describe('what the agent says of itself', () => {
  it('is accepted when it was approved, and is never better than a warning', () =>
    expect(of([said(APPROVED)])).toMatchObject({
      status: 'warning',
      accepted: true,
      references: ['ref_1'],
      reasons: ['software/self_measured'],
      against: [],
      vector: { 'storage-opaque': 32, executables: 2 },
    }))
  for (const part of ['program', 'prompt', 'tool_manifest', 'model'] as const)
    it(`is refused with another ${part}`, () => {
      const result = of([said({ ...APPROVED, [part]: digest('9') })])
      expect(result).toMatchObject({ status: 'contraindicated', accepted: false, references: [] })
      expect(result.against).toEqual(
        expect.arrayContaining([`software/${part}_unknown`, 'software/composition_not_approved']),
      )
    })
  it('is refused as a mix of two approved compositions, and when it is not what was registered', () => {
    expect(of([said({ ...APPROVED, program: OTHER.program })]).against).toContain('software/composition_not_approved')
    expect(of([said(OTHER)]).against).toEqual(
      expect.arrayContaining(['software/prompt_not_as_registered', 'software/model_not_as_registered']),
    )
  })
  it('is refused without a profile, below it, and with a part that was blocked', () => {
    expect(of([said(APPROVED)], { profile: undefined }).against).toEqual(['no_profile'])
    const strict = profileOf(SOFTWARE, { worst_acceptable_status: 'affirming' })
    expect(of([said(APPROVED)], { profile: strict }).against).toEqual(['software/status_below_profile'])
    const isBlocked = (one: string) => one === APPROVED.model
    expect(of([said(APPROVED)], { isBlocked }).against).toContain('software/blocked')
  })
  it('need not be approved where the profile does not ask for it; then it can only contradict', () => {
    const profile = profileOf(SVID)
    const unknown = { ...APPROVED, program: digest('9') }
    expect(of([said(unknown), svid], { profile })).toMatchObject({
      accepted: true,
      status: 'affirming',
      kinds: ['spiffe-svid'],
      compositionApproved: false,
    })
    expect(of([said(APPROVED), svid], { profile })).toMatchObject({ accepted: true, compositionApproved: true })
    expect(of([said({ ...APPROVED, model: digest('9') }), svid], { profile }).against).toContain(
      'software/model_not_as_registered',
    )
  })
  it('is said to have changed when the agent was accepted with another', () => {
    const previous = facts.result({ composition: APPROVED })
    expect(of([said(OTHER)], { previous }).changed).toBe(true)
    expect(of([said(APPROVED)], { previous }).changed).toBe(false)
    expect(of([said(APPROVED)]).changed).toBe(false)
  })
})

describe('a piece that was refused', () => {
  const refused = (code: string): Examined => ({ kind: 'tpm2-quote', digest: digest('e'), refused: code })
  const vectors: [code: string, vector: TrustVector][] = [
    ['signature_invalid', { 'instance-identity': 99 }],
    ['verifier_failed', { 'instance-identity': -1 }],
    ['verification_timed_out', { 'instance-identity': -1 }],
    ['kind_unknown', {}],
    ['not_examined', {}],
  ]
  for (const [code, vector] of vectors)
    it(`makes the whole contraindicated: ${code}`, () => {
      const result = of([said(APPROVED), refused(code)])
      expect(result).toMatchObject({ status: 'contraindicated', accepted: false, against: [`tpm2-quote/${code}`] })
      expect(result.evidence[1]).toMatchObject({ status: 'contraindicated', trustworthiness_vector: vector })
    })
})

describe('a profile over several kinds', () => {
  const pieces = [said(APPROVED), svid]
  it('ends with what ends first: the profile, the age of a piece, or what was shown', () => {
    const until = (rule: Rule, maximum_age_seconds = 3_600) =>
      (of(pieces, { profile: profileOf(rule, { maximum_age_seconds }) }).until - NOW.getTime()) / 1000
    expect(until(SOFTWARE)).toBe(3_600)
    expect(until({ all_of: [SOFTWARE, SVID] })).toBe(120)
    expect(until({ all_of: [SOFTWARE, SVID] }, 60)).toBe(60)
    // Of several that are enough, the better one counts, and its end.
    expect(until({ any_of: [SOFTWARE, SVID] })).toBe(120)
    expect(until({ ...SOFTWARE, maximum_age_seconds: 30 } as Rule)).toBe(30)
  })
  it('says for which resources it is enough', () => {
    const profile = profileOf(
      { any_of: [SVID, SOFTWARE] },
      {
        sensitivities: [
          { sensitivity: 'confidential', rule: SVID, worst_acceptable_status: 'warning', maximum_age_seconds: 600 },
          { sensitivity: 'restricted', worst_acceptable_status: 'affirming', maximum_age_seconds: 60 },
        ],
      },
    )
    const levels = (shown: Examined[]) => of(shown, { profile }).sufficient.map(({ sensitivity }) => sensitivity)
    expect(levels([said(APPROVED)])).toEqual(['public', 'internal'])
    // Who shows a better piece is not held to the weaker one beside it.
    expect(levels(pieces)).toEqual(['public', 'internal', 'confidential', 'restricted'])
  })
  it('rests on whatever the agent runs on, and on whose word more was let', () => {
    const confidential = { worst_acceptable_status: 'warning' as const, maximum_age_seconds: 600 }
    const profile = profileOf(SOFTWARE, {
      sensitivities: [{ sensitivity: 'confidential', rule: SVID, ...confidential }],
    })
    expect(of(pieces, { profile })).toMatchObject({ references: ['ref_1'], anchors: ['anc_1'], kinds: ['software'] })
    expect(of(pieces, { profile: profileOf(SOFTWARE) })).toMatchObject({ references: ['ref_1'], anchors: [] })
    // Nobody asked what it is made of; it is made of it all the same.
    expect(of(pieces, { profile: profileOf(SVID) })).toMatchObject({ references: ['ref_1'], anchors: ['anc_1'] })
  })
  it('rests on every reference value that approves what it runs on, under whichever id', () => {
    const references = [reference(APPROVED, 'ref_1'), reference(OTHER, 'ref_2'), reference(APPROVED, 'ref_3')]
    expect(of([said(APPROVED)], { references }).references).toEqual(['ref_1', 'ref_3'])
    const values: [Reference['value'], Reference['value']][] = [
      [
        { type: 'model', statement_digest: digest('1'), signer: 'anc_1' },
        { type: 'model', statement_digest: digest('1') },
      ],
      [
        { type: 'image', digest: digest('1') },
        { type: 'image', digest: digest('1') },
      ],
      [
        { type: 'pcrs', bank: 'sha256', values: { 0: digest('1'), 7: digest('2') } },
        { type: 'pcrs', bank: 'sha256', values: { 7: digest('2'), 0: digest('1') } },
      ],
    ]
    const named = (value: Reference['value'], name: string) => ({ ...reference(OTHER, name), value })
    for (const [one, other] of values) {
      const all = [named(one, 'ref_1'), named(other, 'ref_2'), reference(OTHER, 'ref_3')]
      expect(withAlike(['ref_1'], all)).toEqual(['ref_1', 'ref_2'])
    }
    const less = named({ type: 'pcrs', bank: 'sha256', values: { 0: digest('1') } }, 'ref_1')
    const more = named({ type: 'pcrs', bank: 'sha256', values: { 0: digest('1'), 7: digest('2') } }, 'ref_2')
    expect(withAlike(['ref_1'], [less, more])).toEqual(['ref_1'])
  })
  it('can be tried on a result: as of when it was recorded, with what is approved now', () => {
    const { evidence, kinds } = of(pieces, { profile: profileOf(SVID) })
    const until = new Date(NOW.getTime() + 120_000).toISOString()
    const sufficient = (['public', 'internal'] as const).map((sensitivity) => ({ sensitivity, expires_at: until }))
    const result = facts.result({ evidence, kinds, sufficient })
    const held = { result, recordedAt: NOW.toISOString(), sequence: 1 }
    expect(underProfile(held, profileOf(SVID), around)).toEqual({ unmet: [], until: NOW.getTime() + 120_000 })
    expect(underProfile(held, profileOf({ kind: 'tpm2-quote', bank: 'sha256', pcrs: [7] }), around).unmet).toEqual([
      'tpm2-quote/missing',
    ])
    // It was not asked whether the composition was approved; it is now.
    expect(underProfile(held, profileOf(SOFTWARE), { ...around, references: [] }).unmet).toContain(
      'software/composition_not_approved',
    )
  })
})

describe('a version of a profile that asks for more of what is sensitive', () => {
  const asked = (sensitivity: 'internal' | 'restricted', part: object = {}) =>
    profileOf(SVID, {
      sensitivities: [{ sensitivity, worst_acceptable_status: 'warning', maximum_age_seconds: 600, ...part }],
    })
  const heldBy = (...sensitivities: ('public' | 'internal' | 'restricted')[]) => {
    const { evidence, kinds, until } = of([said(APPROVED), svid], { profile: profileOf(SVID) })
    const expires_at = new Date(until).toISOString()
    const sufficient = sensitivities.map((sensitivity) => ({ sensitivity, expires_at }))
    const result = facts.result({ evidence, kinds, sufficient, expires_at })
    return { result, recordedAt: NOW.toISOString(), sequence: 1 }
  }
  const TPM: Rule = { kind: 'tpm2-quote', bank: 'sha256', pcrs: [7] }

  it('is not met by a result that says it is enough for that, and by one that never said so it is', () => {
    expect(underProfile(heldBy('public', 'restricted'), asked('restricted', { rule: TPM }), around).unmet).toEqual([
      'sensitivity_lost',
    ])
    expect(underProfile(heldBy('public', 'internal'), asked('restricted', { rule: TPM }), around).unmet).toEqual([])
  })
  it('lets a result count no longer than it is enough for what it says', () =>
    expect(
      underProfile(heldBy('public', 'restricted'), asked('restricted', { maximum_age_seconds: 60 }), around),
    ).toEqual({ unmet: [], until: NOW.getTime() + 60_000 }))
})

describe('the grade of a model', () => {
  const claimed: Examined = {
    kind: 'model-signing',
    digest: digest('e'),
    claims: { grade: 'files', name: 'small', statement_digest: APPROVED.model, signer: 'anc_2' },
    anchors: ['anc_2'],
    measuredAt: NOW,
  }
  const model: Reference = {
    reference: 'ref_3',
    blueprint: BLUEPRINT,
    label: 'm',
    value: { type: 'model', statement_digest: APPROVED.model },
  }
  it('is told of a signer that the profile takes, or where it says nothing of models; of no other', () => {
    const signed = (...signers: string[]): Rule => ({ kind: 'model-signing', grade: 'files', signers })
    const grade = (rule: Rule) =>
      of([said(APPROVED), svid, claimed], { profile: profileOf(rule), references: [...around.references, model] })
    expect(grade({ any_of: [SVID, signed('anc_2')] })).toMatchObject({ accepted: true, modelGrade: 'files' })
    expect(grade({ any_of: [SVID, signed('anc_1')] })).toMatchObject({ accepted: true, modelGrade: undefined })
    expect(grade(SVID)).toMatchObject({ accepted: true, modelGrade: 'files' })
  })
})

describe('the tiers of AR4SI', () => {
  const cases: [value: number, status: string][] = [
    [0, 'none'],
    [1, 'none'],
    [-1, 'none'],
    [2, 'affirming'],
    [31, 'affirming'],
    // Not the mirror of 1, which says nothing (§2.3.2).
    [-2, 'affirming'],
    [-32, 'affirming'],
    [32, 'warning'],
    [95, 'warning'],
    [-33, 'warning'],
    [96, 'contraindicated'],
    [99, 'contraindicated'],
    [127, 'contraindicated'],
    [-128, 'contraindicated'],
  ]
  for (const [value, status] of cases) it(`${value} is ${status}`, () => expect(tierOf(value)).toBe(status))
  it('the worst counts, nothing claimed is none, and of each category one value is kept', () => {
    expect(statusOf({ executables: 2, configuration: 33, hardware: 0 })).toBe('warning')
    expect(statusOf({ executables: 0 })).toBe('none')
    expect(statusOf({})).toBe('none')
    expect(combined([{ executables: 2, hardware: 0 }, { executables: 33, hardware: 2 }, { executables: 3 }])).toEqual({
      executables: 33,
      hardware: 2,
    })
  })
})
