import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { resultOf } from './attestation.ts'

const digest = 'a'.repeat(64)
const composition = { program: digest, prompt: digest, tool_manifest: digest, model: digest }

describe('what policies are told that an agent is made of', () => {
  const told = (part: Parameters<typeof facts.result>[0]) =>
    resultOf(facts.result({ composition, ...part }), facts.hours(0)).composition

  it('is what was approved', () => {
    expect(told({ kinds: ['tpm2-quote'], composition_approved: true })).toEqual(composition)
    expect(told({ kinds: ['software'] })).toEqual(composition)
  })
  it('is nothing that the agent alone says', () => {
    expect(told({ kinds: ['tpm2-quote', 'spiffe-svid'], composition_approved: false })).toBe(undefined)
    expect(told({ kinds: ['tpm2-quote'] })).toBe(undefined)
  })
})
