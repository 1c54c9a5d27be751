/** Profiles, reference values, trust anchors, blocked digests. */
import type { Anchor, Reference } from '@credence/contracts/attestation/trust'
import { describe, expect, it } from 'vitest'
import { DIGEST } from '../../../../infra/testing/facts.ts'
import { given } from '../../../../infra/testing/given.ts'
import { profileOf } from '../testing/evidence.ts'
import { anchorEvolution, approveAnchor, vouchesFor, withdrawAnchor } from './anchor.ts'
import { blockMeasurement, measurementEvolution, unblockMeasurement } from './measurement.ts'
import { activateProfile, activeVersion, defineProfile, profileEvolution } from './profile.ts'
import { approveReference, referenceEvolution, withdrawReference } from './reference.ts'

describe('a profile', () => {
  const { version: _, ...parts } = profileOf({ kind: 'software' })
  const first = defineProfile(profileEvolution.initialState, parts)
  const two = [...first, ...defineProfile(first.reduce(profileEvolution.evolve, profileEvolution.initialState), parts)]
  const activated = (version: number) => ({
    type: 'credence.attestation.profile.activated.v1' as const,
    data: { blueprint: parts.blueprint, version },
  })

  it('counts its versions, and none of them counts before it is activated', () => {
    given(profileEvolution, two)
      .when((state) => defineProfile(state, parts))
      .thenFacts({ type: 'credence.attestation.profile.defined.v1', data: { version: 3 } })
    const state = two.reduce(profileEvolution.evolve, profileEvolution.initialState)
    expect(activeVersion(state)).toBeUndefined()
    expect(activeVersion(profileEvolution.evolve(state, activated(2)))?.version).toBe(2)
  })
  it('is activated, once; also an earlier version again; but none that is not there', () => {
    const activate = (version: number) => (state: typeof profileEvolution.initialState) =>
      activateProfile(state, parts.blueprint, version)
    given(profileEvolution, two).when(activate(2)).thenFacts(activated(2))
    given(profileEvolution, [...two, activated(2)])
      .when(activate(2))
      .thenNothing()
    given(profileEvolution, [...two, activated(2)])
      .when(activate(1))
      .thenFacts(activated(1))
    for (const version of [0, 3]) given(profileEvolution, two).when(activate(version)).thenRefused('profile_not_found')
  })
})

describe('a reference value', () => {
  const reference: Reference = {
    reference: 'ref_1',
    blueprint: 'x',
    label: 'x',
    value: { type: 'image', digest: DIGEST },
  }
  const approved = approveReference(undefined, reference)
  it('is approved once and withdrawn once', () => {
    given(referenceEvolution, approved)
      .when((state) => approveReference(state, reference))
      .thenNothing()
    const withdraw = (state: typeof referenceEvolution.initialState) => withdrawReference(state, 'ref_1', 'x')
    given(referenceEvolution, approved)
      .when(withdraw)
      .thenFacts({ type: 'credence.attestation.reference.withdrawn.v1', data: { reference: 'ref_1', reason: 'x' } })
    given(referenceEvolution, [...approved, ...withdrawReference({ ...reference, withdrawn: false }, 'ref_1', 'x')])
      .when(withdraw)
      .thenNothing()
    given(referenceEvolution).when(withdraw).thenRefused('reference_not_found')
  })
})

describe('a trust anchor', () => {
  const anchor: Anchor = {
    anchor: 'anc_1',
    label: 'x',
    kinds: ['tpm2-quote'],
    blueprints: [],
    material: { type: 'tpm-endorsement-key', ek_digest: DIGEST },
  }
  it('is approved once and withdrawn once', () => {
    const approved = approveAnchor(undefined, anchor)
    given(anchorEvolution, approved)
      .when((state) => approveAnchor(state, anchor))
      .thenNothing()
    const withdraw = (state: typeof anchorEvolution.initialState) => withdrawAnchor(state, 'anc_1', 'x')
    given(anchorEvolution, approved).when(withdraw).thenFacts({ type: 'credence.attestation.anchor.withdrawn.v1' })
    given(anchorEvolution, [...approved, ...withdrawAnchor({ ...anchor, withdrawn: false }, 'anc_1', 'x')])
      .when(withdraw)
      .thenNothing()
    given(anchorEvolution).when(withdraw).thenRefused('anchor_not_found')
  })
  it('vouches for its kinds, and for its blueprints or for all', () => {
    expect(vouchesFor(anchor, 'tpm2-quote', 'x')).toBe(true)
    expect(vouchesFor(anchor, 'spiffe-svid', 'x')).toBe(false)
    expect(vouchesFor({ ...anchor, blueprints: ['x'] }, 'tpm2-quote', 'x')).toBe(true)
    expect(vouchesFor({ ...anchor, blueprints: ['x'] }, 'tpm2-quote', 'y')).toBe(false)
  })
})

describe('a digest', () => {
  it('is blocked and unblocked, each once', () => {
    const blocked = blockMeasurement(undefined, DIGEST, 'x')
    const unblock = (state: typeof measurementEvolution.initialState) => unblockMeasurement(state, DIGEST, 'x')
    const block = (state: typeof measurementEvolution.initialState) => blockMeasurement(state, DIGEST, 'x')
    given(measurementEvolution, blocked).when(block).thenNothing()
    given(measurementEvolution, blocked)
      .when(unblock)
      .thenFacts({ type: 'credence.attestation.measurement.unblocked.v1', data: { digest: DIGEST } })
    given(measurementEvolution).when(unblock).thenRefused('not_blocked')
    const unblocked = [...blocked, ...unblockMeasurement({ digest: DIGEST, reason: 'x', blocked: true }, DIGEST, 'x')]
    given(measurementEvolution, unblocked).when(unblock).thenRefused('not_blocked')
    given(measurementEvolution, unblocked)
      .when(block)
      .thenFacts({ type: 'credence.attestation.measurement.blocked.v1' })
  })
})
