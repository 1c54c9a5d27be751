import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import type { Reference } from '@credence/contracts/attestation/trust'
import { newId } from '@credence/shared/ids'
import { describe, expect, it } from 'vitest'
import { agent as registered } from '../../../../../infra/testing/facts.ts'
import type { About } from './kind.ts'
import { modelSigning } from './model-signing.ts'

const digest = (digit: string) => digit.repeat(64)
const SIGNER = newId('anc')
const files: ClaimsOf<'model-signing'> = {
  grade: 'files',
  name: 'small',
  statement_digest: digest('4'),
  root_digest: digest('5'),
  files: 3,
  signer: SIGNER,
}
const provider: ClaimsOf<'model-signing'> = {
  grade: 'provider',
  provider: 'acme',
  name: 'small',
  version: '1',
  statement_digest: digest('4'),
  signer: SIGNER,
}
const claimed: ClaimsOf<'model-signing'> = { grade: 'claimed', provider: 'acme', name: 'small', version: '1' }
const reference = (value: Reference['value']): Reference => ({
  reference: newId('ref'),
  blueprint: 'meeting-scheduler',
  label: 'small 1',
  value,
})
const approved = reference({ type: 'model', statement_digest: digest('4'), signer: SIGNER })
const statement = { program: digest('1'), prompt: digest('2'), tool_manifest: digest('3'), model: digest('4') }
const about = (part: Partial<About> = {}): About => ({
  agent: {
    ...registered({ model: { provider: 'acme', name: 'small', version: '1', digest: digest('4') } }),
    state: 'active',
  },
  references: [approved],
  lists: new Set(),
  statement,
  claims: {},
  previous: undefined,
  asked: new Set(['model-signing'] as const),
  now: new Date('2026-11-24T12:00:00.000Z'),
  ...part,
})
const faults = (claims = files, part: Partial<About> = {}) => modelSigning.appraise(claims, about(part)).faults

describe('a model', () => {
  it('whose files are the approved ones: the folder is affirmed', () =>
    expect(modelSigning.appraise(files, about())).toEqual({
      vector: { 'file-system': 2 },
      faults: [],
      notes: ['self_measured'],
      references: [approved.reference],
      digests: [digest('4'), digest('5')],
    }))

  it('whose provider signed: part of the configuration stays hidden, and nothing is affirmed', () =>
    expect(modelSigning.appraise(provider, about())).toMatchObject({
      vector: { configuration: 36 },
      faults: [],
      notes: ['provider_asserted'],
    }))

  it('that is only claimed: what answers is not recognised either', () =>
    expect(modelSigning.appraise(claimed, about({ references: [] }))).toEqual({
      vector: { configuration: 36, executables: 33 },
      faults: [],
      notes: ['model_claimed'],
      references: [],
      digests: [],
    }))

  it('rolled back to an older signed version: nobody refers to its statement any more', () => {
    const older = { ...files, statement_digest: digest('3') }
    expect(modelSigning.appraise(older, about())).toMatchObject({
      vector: { 'file-system': 96 },
      faults: ['statement_not_referenced', 'model_not_as_registered', 'composition_differs'],
      references: [],
    })
  })

  it('swapped under the same name and root, by another signer: is not the approved one', () =>
    expect(faults({ ...files, signer: newId('anc') })).toEqual(['statement_not_referenced']))

  it('whose reference was withdrawn, or is one of a whole composition, is not approved', () => {
    expect(faults(files, { references: [] })).toEqual(['statement_not_referenced'])
    expect(faults(files, { references: [reference({ type: 'composition', ...statement })] })).toEqual([
      'statement_not_referenced',
    ])
  })

  it('may be approved whoever signed it', () =>
    expect(faults(files, { references: [reference({ type: 'model', statement_digest: digest('4') })] })).toEqual([]))

  it('that is not the registered one, or not the one that the agent states', () => {
    const other = registered({ model: { provider: 'acme', name: 'small', version: '1', digest: digest('9') } })
    expect(faults(files, { agent: { ...other, state: 'active' } })).toEqual(['model_not_as_registered'])
    expect(faults(files, { statement: { ...statement, model: digest('9') } })).toEqual(['composition_differs'])
  })

  it('with another name in its signature: worth a word, and no more, for that name decides nothing', () =>
    expect(modelSigning.appraise({ ...files, name: 'model' }, about())).toMatchObject({
      faults: [],
      notes: ['self_measured', 'name_differs'],
    }))

  for (const part of [{ provider: 'other' }, { name: 'large' }, { version: '2' }])
    it(`hosted, and registered otherwise: ${Object.keys(part)[0]}`, () => {
      expect(faults({ ...provider, ...part })).toEqual(['model_not_as_registered'])
      expect(modelSigning.appraise({ ...claimed, ...part }, about())).toMatchObject({
        vector: { configuration: 96, executables: 33 },
        faults: ['model_not_as_registered'],
      })
    })
})

describe('a profile', () => {
  const grades = ['files', 'provider', 'claimed'] as const
  const all = { files, provider, claimed }
  it('asks for a grade, and takes every better one', () => {
    const enough = (have: keyof typeof all, grade: keyof typeof all) =>
      modelSigning.unmet(all[have], { kind: 'model-signing', grade }).length === 0
    expect(grades.map((grade) => grades.map((have) => enough(have, grade)))).toEqual([
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ])
  })

  it('may ask for a signer, and then nothing unsigned is enough', () => {
    const requirement = { kind: 'model-signing' as const, grade: 'claimed' as const, signers: [SIGNER] }
    expect(modelSigning.unmet(files, requirement)).toEqual([])
    expect(modelSigning.unmet(files, { ...requirement, signers: [newId('anc')] })).toEqual(['signer_not_allowed'])
    expect(modelSigning.unmet(claimed, requirement)).toEqual(['signer_not_allowed'])
  })
})
