import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import type { Reference } from '@credence/contracts/attestation/trust'
import { newId } from '@credence/shared/ids'
import { describe, expect, it } from 'vitest'
import { newAgent, registered, requirement } from '../../testing/tpm.ts'
import type { About, Result } from './kind.ts'
import { tpm2Quote } from './tpm2-quote.ts'

type Claims = ClaimsOf<'tpm2-quote'>

const PCR = { 0: 'a'.repeat(64), 4: 'b'.repeat(64), 7: 'c'.repeat(64) }
const claims = (part: Partial<Claims> = {}): Claims => ({
  ek_digest: '1'.repeat(64),
  ak_name: `000b${'2'.repeat(64)}`,
  bank: 'sha256',
  selection: [0, 4, 7],
  pcrs: PCR,
  firmware_version: '7',
  reset_count: 5,
  restart_count: 1,
  clock: '9007199254740993',
  certified: true,
  ...part,
})
const reference = (values: Record<string, string>, bank: 'sha256' | 'sha384' = 'sha256'): Reference => ({
  reference: newId('ref'),
  blueprint: 'x',
  label: 'A boot',
  value: { type: 'pcrs', bank, values },
})
const approved = reference(PCR)
const about = (part: Partial<About> = {}): About =>
  ({
    agent: registered(newAgent()),
    references: [approved],
    lists: new Set(),
    claims: {},
    previous: undefined,
    asked: new Set(['tpm2-quote']),
    now: new Date(),
    ...part,
  }) as About
const after = (part: Partial<Claims>): Partial<About> => ({
  previous: { evidence: [{ kind: 'tpm2-quote', claims: claims(part) }] } as Result,
})

describe('registers against what was approved', () => {
  it('claims a genuine TPM, this instance, and an approved boot; nothing of what runs now, or of what others can see', () => {
    expect(tpm2Quote.appraise(claims(), about())).toEqual({
      vector: { 'instance-identity': 2, executables: 3, hardware: 2 },
      faults: [],
      notes: [],
      references: [approved.reference],
      digests: ['1'.repeat(64), ...Object.values(PCR)],
    })
  })

  it('claims no hardware for a key that is only listed', () => {
    const { vector, notes } = tpm2Quote.appraise(claims({ certified: false }), about())
    expect(vector.hardware).toBeUndefined()
    expect(notes).toEqual(['endorsement_key_listed'])
  })

  const wrong: [name: string, references: Reference[]][] = [
    ['nothing', []],
    ['one other register', [reference({ ...PCR, 4: 'd'.repeat(64) })]],
    ['one register less', [reference({ 0: PCR[0], 4: PCR[4] })]],
    ['parts, but not together', [reference({ 0: PCR[0], 4: PCR[4] }), reference({ 7: PCR[7] })]],
    ['another bank', [reference(PCR, 'sha384')]],
  ]
  it.each(wrong)('is at fault when what was approved is %s', (_name, references) => {
    const { faults, vector } = tpm2Quote.appraise(claims(), about({ references }))
    expect(faults).toEqual(['pcrs_not_approved'])
    expect(vector.executables).toBe(96)
  })

  it('may be approved with more registers than are quoted', () =>
    expect(
      tpm2Quote.appraise(claims(), about({ references: [reference({ ...PCR, 9: 'e'.repeat(64) })] })).faults,
    ).toEqual([]))

  it('is at fault where nothing was measured, even if somebody approved that', () => {
    for (const value of ['0'.repeat(64), 'f'.repeat(64)]) {
      const pcrs = { 0: value, 4: value, 7: value }
      expect(tpm2Quote.appraise(claims({ pcrs }), about({ references: [reference(pcrs)] })).faults).toEqual([
        'pcrs_empty',
      ])
    }
  })
})

describe('TPM 2.0 Part 1 §36: counters and clock against the last accepted quote', () => {
  const judged = (now: Partial<Claims>, before: Partial<Claims>) => {
    const { faults, notes, vector } = tpm2Quote.appraise(claims(now), about(after(before)))
    return { faults, notes, instance: vector['instance-identity'] }
  }

  it('may go on, and restarts are told', () => {
    const fine = { faults: [], instance: 2 }
    expect(judged({}, {})).toEqual({ ...fine, notes: [] })
    expect(judged({ reset_count: 6, restart_count: 0 }, {})).toEqual({ ...fine, notes: ['rebooted'] })
    expect(judged({ restart_count: 2 }, {})).toEqual({ ...fine, notes: ['rebooted'] })
    expect(judged({ firmware_version: '8' }, {})).toEqual({ ...fine, notes: ['firmware_changed'] })
  })

  it('must not go back', () => {
    const bad = { notes: [], instance: 96 }
    expect(judged({ reset_count: 4 }, {})).toEqual({ ...bad, faults: ['reset_count_went_back'] })
    expect(judged({ restart_count: 0 }, {})).toEqual({ ...bad, faults: ['restart_count_went_back'] })
    // One millisecond, in numbers that JavaScript cannot tell apart.
    expect(judged({ clock: '9007199254740992' }, {})).toEqual({ ...bad, faults: ['clock_went_back'] })
  })

  it('of another TPM, or key, are not compared', () => {
    expect(judged({ reset_count: 0, clock: '1' }, { ek_digest: '9'.repeat(64) })).toMatchObject({
      faults: [],
      notes: ['tpm_changed'],
    })
    expect(judged({ reset_count: 0, clock: '1' }, { ak_name: `000b${'9'.repeat(64)}` })).toMatchObject({ faults: [] })
  })
})

describe('what a profile asks', () => {
  it('exactly its registers and its bank, and a manufacturer’s word if it says so', () => {
    const asked = requirement({ bank: 'sha256', pcrs: [0, 4, 7] })
    expect(tpm2Quote.unmet(claims(), asked)).toEqual([])
    for (const other of [
      requirement({ bank: 'sha384', pcrs: [0, 4, 7] }),
      requirement({ bank: 'sha256', pcrs: [0, 4] }),
    ])
      expect(tpm2Quote.unmet(claims(), other)).toEqual(['pcr_selection_wrong'])
    expect(tpm2Quote.unmet(claims(), { ...asked, certified: true })).toEqual([])
    expect(tpm2Quote.unmet(claims({ certified: false }), { ...asked, certified: true })).toEqual([
      'endorsement_key_not_certified',
    ])
  })
})
