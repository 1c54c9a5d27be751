import { describe, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { DIGEST, NOW } from '../../../../infra/testing/facts.ts'
import { given } from '../../../../infra/testing/given.ts'
import { type Challenge, challengeEvolution, issueChallenge, recordResult } from './challenge.ts'
import { defineProfile, profileEvolution } from './profile.ts'
import { approveReference, referenceEvolution } from './reference.ts'

const issued = issueChallenge('chl_1', 'agt_1', DIGEST, NOW)
const result = facts.result({ challenge: 'chl_1', agent: 'agt_1' })
const answer = (seconds: number) => (state: unknown) =>
  recordResult(state as Challenge, result, new Date(NOW.getTime() + seconds * 1000))

describe('a challenge', () => {
  it('lives for sixty seconds', () => {
    given(challengeEvolution)
      .when(() => issued)
      .thenFacts({
        type: 'credence.attestation.challenge.issued.v1',
        data: { expires_at: new Date(NOW.getTime() + 60_000).toISOString() },
      })
    given(challengeEvolution, issued).when(answer(59)).thenFacts({ type: 'credence.attestation.result.recorded.v1' })
    given(challengeEvolution, issued).when(answer(60)).thenRefused('challenge_expired')
  })
  it('is answered once', () =>
    given(challengeEvolution, [...issued, facts.recorded(result)])
      .when(answer(1))
      .thenRefused('challenge_used'))
})

describe('profiles and reference values', () => {
  const profile = {
    blueprint: 'meeting-scheduler',
    required_kinds: ['software' as const],
    worst_acceptable_status: 'warning' as const,
    maximum_age_seconds: 60,
  }
  it('count their versions', () => {
    const first = defineProfile(undefined, profile)
    given(profileEvolution, first)
      .when((state) => defineProfile(state, profile))
      .thenFacts({ type: 'credence.attestation.profile.defined.v1', data: { version: 2 } })
  })
  it('are approved once', () => {
    const composition = { program: DIGEST, prompt: DIGEST, tool_manifest: DIGEST, model: DIGEST }
    const reference = { reference: 'ref_1', blueprint: 'meeting-scheduler', composition, label: 'x' }
    given(referenceEvolution, approveReference(undefined, reference))
      .when((state) => approveReference(state, reference))
      .thenNothing()
  })
})
