import type { Composition } from '@credence/contracts/events/values'
import type { Agent } from '@credence/contracts/principals/agent'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { appraiseSoftware, statusOf } from './appraisal.ts'
import type { Profile } from './profile.ts'
import type { Reference } from './reference.ts'

const digest = (letter: string) => letter.repeat(64)
const approved: Composition = {
  program: digest('1'),
  prompt: digest('2'),
  tool_manifest: digest('3'),
  model: digest('4'),
}
const other: Composition = { program: digest('5'), prompt: digest('6'), tool_manifest: digest('7'), model: digest('8') }
const reference = (composition: Composition, name: string): Reference => ({
  reference: name,
  blueprint: 'meeting-scheduler',
  composition,
  label: name,
})
const profile: Profile = {
  blueprint: 'meeting-scheduler',
  version: 3,
  required_kinds: ['software'],
  worst_acceptable_status: 'warning',
  maximum_age_seconds: 3_600,
}
const agent: Agent = {
  ...facts.agent({
    prompt_digest: approved.prompt,
    tool_manifest_digest: approved.tool_manifest,
    model: { provider: 'acme', name: 'small', version: '1', digest: approved.model },
  }),
  state: 'registered',
}
const appraise = (measurements: Composition, part: Partial<Parameters<typeof appraiseSoftware>[1]> = {}) =>
  appraiseSoftware(
    { measurements },
    { agent, profile, references: [reference(approved, 'ref_1'), reference(other, 'ref_2')], ...part },
  )

describe('the appraisal of software evidence', () => {
  it('accepts what was approved, and never as better than a warning: it is self-measured', () => {
    expect(appraise(approved)).toMatchObject({
      status: 'warning',
      accepted: true,
      reference: 'ref_1',
      reasons: ['self_measured'],
      vector: { 'storage-opaque': 32, executables: 2 },
    })
  })
  for (const part of ['program', 'prompt', 'tool_manifest', 'model'] as const)
    it(`refuses a changed ${part}`, () => {
      const result = appraise({ ...approved, [part]: digest('9') })
      expect(result).toMatchObject({ status: 'contraindicated', accepted: false, reference: undefined })
      expect(result.reasons).toEqual(expect.arrayContaining([`${part}_unknown`, 'composition_not_approved']))
    })
  it('refuses a mix of two approved compositions', () => {
    const mixed = appraise({ ...approved, program: other.program })
    expect(mixed).toMatchObject({ status: 'contraindicated', accepted: false })
    expect(mixed.reasons[0]).toBe('composition_not_approved')
  })
  it('refuses an approved composition that is not the registered one', () => {
    expect(appraise(other).reasons).toEqual(
      expect.arrayContaining([
        'prompt_not_as_registered',
        'tool_manifest_not_as_registered',
        'model_not_as_registered',
      ]),
    )
    expect(appraise(other).accepted).toBe(false)
  })
  it('accepts nothing without a profile, or below it', () => {
    expect(appraise(approved, { profile: undefined })).toMatchObject({
      accepted: false,
      reasons: ['no_profile', 'self_measured'],
    })
    const strict = { ...profile, worst_acceptable_status: 'affirming' as const }
    expect(appraise(approved, { profile: strict })).toMatchObject({
      accepted: false,
      reasons: ['status_below_profile', 'self_measured'],
    })
  })
  it('accepts nothing without references', () => expect(appraise(approved, { references: [] }).accepted).toBe(false))
  it('says 99 when the evidence itself does not verify', () => {
    const result = appraiseSoftware(
      { refused: 'signature_invalid' },
      { agent, profile, references: [reference(approved, 'ref_1')] },
    )
    expect(result).toEqual({
      status: 'contraindicated',
      accepted: false,
      vector: { 'instance-identity': 99 },
      reasons: ['signature_invalid'],
    })
  })
})

describe('the tiers of AR4SI', () => {
  const cases: [value: number, status: string][] = [
    [0, 'none'],
    [1, 'none'],
    [-1, 'none'],
    [2, 'affirming'],
    [31, 'affirming'],
    [-2, 'none'],
    [-3, 'affirming'],
    [32, 'warning'],
    [95, 'warning'],
    [-33, 'warning'],
    [96, 'contraindicated'],
    [127, 'contraindicated'],
    [-128, 'contraindicated'],
  ]
  for (const [value, status] of cases) it(`${value} is ${status}`, () => expect(statusOf({ x: value })).toBe(status))
  it('the worst counts, and nothing claimed is none', () => {
    expect(statusOf({ a: 2, b: 33, c: 0 })).toBe('warning')
    expect(statusOf({ a: 0 })).toBe('none')
    expect(statusOf({})).toBe('none')
  })
})
