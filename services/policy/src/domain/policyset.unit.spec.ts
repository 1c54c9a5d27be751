import { describe, expect, it } from 'vitest'
import { DIGEST } from '../../../../infra/testing/facts.ts'
import { activatePolicies, type PolicySet, policySetEvolution } from './policyset.ts'

const set: PolicySet = { version: DIGEST, cedar: 'permit', schema: '', policy_ids: ['a'], engine: 'test' }
const given = (facts: ReturnType<typeof activatePolicies>) =>
  facts.reduce(policySetEvolution.evolve, policySetEvolution.initialState)

describe('the active policy set', () => {
  it('is the one that was activated last', () => {
    const first = activatePolicies(undefined, set)
    expect(first).toEqual([{ type: 'credence.policy.policyset.activated.v1', data: set }])
    const next = { ...set, version: 'b'.repeat(64) }
    const second = activatePolicies(given(first), next)
    expect(given([...first, ...second])).toEqual(next)
  })

  it('is not activated again', () => {
    expect(activatePolicies(given(activatePolicies(undefined, set)), set)).toEqual([])
  })
})
