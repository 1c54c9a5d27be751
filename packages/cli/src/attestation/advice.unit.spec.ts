import { describe, expect, it } from 'vitest'
import { appraisers } from '../../../../services/attestation/src/domain/kinds/kinds.ts'
import { ADVICE, adviceOn } from './advice.ts'

describe('advice on a refusal', () => {
  it('is given for what somebody can do something about, whatever kind it is of', () => {
    expect(adviceOn('software/prompt_unknown')).toContain('credence reference approve composition')
    expect(adviceOn('agent-manifest/anchor_unknown')).toContain('credence anchor approve')
    expect(adviceOn('model-signing/file_changed')).toContain('not what was signed')
    expect(adviceOn('tpm2-quote/missing')).toContain('attest-agent')
    expect(adviceOn('no_profile')).toContain('credence profile define')
    expect(adviceOn('software/self_measured')).toBeUndefined()
  })

  it('names no code that no kind gives', () => {
    const given = Object.values(appraisers).flatMap(({ reasons }) => Object.keys(reasons))
    const ofTheWhole = [
      'no_profile',
      'missing',
      'too_old',
      'status_below_profile',
      'verifier_failed',
      'verification_timed_out',
    ]
    const known = new Set([...given, ...ofTheWhole])
    expect(ADVICE.flatMap(([codes]) => codes.split(' ')).filter((code) => !known.has(code))).toEqual([])
  })
})
