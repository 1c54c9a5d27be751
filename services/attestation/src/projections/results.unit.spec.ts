import { describe, expect, it } from 'vitest'
import { recordedCommit } from '../../../../infra/testing/commits.ts'
import * as facts from '../../../../infra/testing/facts.ts'
import { tpm2Quote } from '../domain/kinds/tpm2-quote.ts'
import { createResults } from './results.ts'

type Result = ReturnType<typeof facts.result>
const digest = 'a'.repeat(64)
const piece = (kind: 'tpm2-quote' | 'spiffe-svid', claims: object): Result['evidence'][number] =>
  ({ kind, digest, status: 'affirming', trustworthiness_vector: {}, reasons: [], anchors: [], claims }) as never
const SVID = {
  spiffe_id: 'spiffe://td.example/a',
  trust_domain: 'td.example',
  form: 'x509',
  key_bound: true,
  expires_at: facts.hours(1),
}
const quote = (clock: number) => ({
  ek_digest: digest,
  ak_name: '000b',
  bank: 'sha256',
  selection: [7],
  pcrs: { 7: digest },
  firmware_version: '1',
  reset_count: 1,
  restart_count: 1,
  clock: String(clock),
  certified: true,
})

describe('what was accepted of an agent before', () => {
  const { agent } = facts.agent()
  const after = (...all: Partial<Result>[]) => {
    const results = createResults()
    for (const [at, part] of all.entries()) {
      const result = facts.result({ agent, ...part })
      results.apply(recordedCommit('ATTESTATION', at + 1, `challenge/${result.challenge}`, [facts.recorded(result)]))
    }
    return results
  }
  const faults = (results: ReturnType<typeof after>, clock: number) =>
    tpm2Quote
      .appraise(quote(clock) as never, { references: [], previous: results.before(agent), claims: {} } as never)
      .faults.filter((code) => code !== 'pcrs_not_approved')

  it('has the last quote, though something else was shown since: a TPM that went back is found all the same', () => {
    const shown = [{ evidence: [piece('tpm2-quote', quote(9))] }, { evidence: [piece('spiffe-svid', SVID)] }]
    const results = after(...shown)
    expect(results.before(agent)?.evidence.map(({ kind }) => kind)).toEqual(['spiffe-svid', 'tpm2-quote'])
    expect(faults(results, 8)).toEqual(['clock_went_back'])
    expect(faults(results, 9)).toEqual([])
    const later = after(...shown, { evidence: [piece('tpm2-quote', quote(20))] })
    expect(faults(later, 19)).toEqual(['clock_went_back'])
  })
  it('has no quote of a result that was not accepted, and nothing of one who was never accepted', () => {
    const refused = { accepted: false, evidence: [piece('tpm2-quote', quote(99))] }
    expect(after(refused).before(agent)).toBe(undefined)
    expect(faults(after({ evidence: [piece('tpm2-quote', quote(9))] }, refused), 50)).toEqual([])
  })
})
