import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { resultOf } from './attestation.ts'

const digest = 'a'.repeat(64)
const composition = { program: digest, prompt: digest, tool_manifest: digest, model: digest }
type Evidence = ReturnType<typeof facts.result>['evidence']
const manifest = (status: 'affirming' | 'contraindicated'): Evidence => [
  { kind: 'agent-manifest', digest, status, trustworthiness_vector: {}, reasons: [], anchors: [] },
]

describe('what policies are told that an agent is made of', () => {
  const told = (part: Parameters<typeof facts.result>[0]) =>
    resultOf(facts.result({ composition, ...part }), facts.hours(0)).composition

  it('is what was approved, or what its builder signed', () => {
    expect(told({ kinds: ['software'] })).toEqual(composition)
    expect(told({ kinds: ['tpm2-quote'], evidence: manifest('affirming') })).toEqual(composition)
  })
  it('is nothing that the agent alone says', () => {
    expect(told({ kinds: ['tpm2-quote', 'spiffe-svid'] })).toBe(undefined)
    expect(told({ kinds: ['tpm2-quote'], evidence: manifest('contraindicated') })).toBe(undefined)
  })
})
