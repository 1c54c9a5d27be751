import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { DIGEST, NOW } from '../../../../infra/testing/facts.ts'
import { given } from '../../../../infra/testing/given.ts'
import { type Challenge, challengeEvolution, issueChallenge, recordResult } from './challenge.ts'
import { counts, type Held, revokeResult, withdrawnUnder } from './standing.ts'

const issued = issueChallenge({ challenge: 'chl_1', agent: 'agt_1', keyThumbprint: 'key', nonceDigest: DIGEST }, NOW)
const result = facts.result({ challenge: 'chl_1', agent: 'agt_1' })
const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1000)
const answer = (seconds: number) => (state: unknown) => recordResult(state as Challenge, result, at(seconds))

describe('a challenge', () => {
  it('is for one agent and one key, and lives for sixty seconds', () => {
    given(challengeEvolution)
      .when(() => issued)
      .thenFacts({
        type: 'credence.attestation.challenge.issued.v1',
        data: { agent: 'agt_1', key_thumbprint: 'key', expires_at: at(60).toISOString() },
      })
    given(challengeEvolution, issued).when(answer(59)).thenFacts({ type: 'credence.attestation.result.recorded.v1' })
    given(challengeEvolution, issued).when(answer(60)).thenRefused('challenge_expired')
  })
  it('is answered once', () =>
    given(challengeEvolution, [...issued, facts.recorded(result)])
      .when(answer(1))
      .thenRefused('challenge_used'))
})

describe('a result', () => {
  const held: Held = { result, recordedAt: NOW.toISOString(), sequence: 2 }
  const cause = { cause: 'reference_withdrawn', because: 'ref_1', consequence: 'quarantine', reason: 'x' } as const

  it('is revoked once, and only while it counts', () => {
    expect(revokeResult(held, cause, NOW)).toMatchObject([
      { type: 'credence.attestation.result.revoked.v1', data: { result: result.result, agent: 'agt_1', ...cause } },
    ])
    const ended: (Held | undefined)[] = [
      undefined,
      { ...held, revoked: cause },
      { ...held, result: { ...result, accepted: false } },
    ]
    for (const one of ended) expect(revokeResult(one, cause, NOW)).toEqual([])
    expect(revokeResult(held, cause, new Date(result.expires_at))).toEqual([])
    expect(counts(held, new Date(Date.parse(result.expires_at) - 1))).toBe(true)
  })

  it('falls with the worst of what it rests on', () => {
    const rests = { ...result, references: ['ref_1'], anchors: ['anc_1'], digests: [DIGEST] }
    const none = { isReferenceWithdrawn: () => false, isAnchorWithdrawn: () => false, isBlocked: () => false }
    expect(withdrawnUnder(rests, none)).toBeUndefined()
    const anchor = { ...none, isAnchorWithdrawn: (id: string) => id === 'anc_1' }
    expect(withdrawnUnder(rests, anchor)).toMatchObject({ cause: 'anchor_withdrawn', consequence: 'suspend' })
    const reference = { ...anchor, isReferenceWithdrawn: (id: string) => id === 'ref_1' }
    expect(withdrawnUnder(rests, reference)).toMatchObject({ cause: 'reference_withdrawn', consequence: 'quarantine' })
    const digest = { ...reference, isBlocked: (one: string) => one === DIGEST }
    expect(withdrawnUnder(rests, digest)).toMatchObject({ cause: 'measurement_blocked', because: DIGEST })
  })
})
