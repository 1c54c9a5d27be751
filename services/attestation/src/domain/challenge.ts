/** A challenge: one nonce for one agent, 60 seconds, and exactly one result. */
import { precondition } from '@credence/contracts/errors'
import type { AttestationFact, EventData, Fact } from '@credence/contracts/events/catalog'

export const CHALLENGE_SECONDS = 60

export type Result = EventData<'credence.attestation.result.recorded.v1'>
export type Challenge = EventData<'credence.attestation.challenge.issued.v1'> & { result?: string }
export type ChallengeState = Challenge | undefined

export const challengeEvolution = {
  initialState: undefined as ChallengeState,
  evolve: (state: ChallengeState, fact: Fact): ChallengeState => {
    if (fact.type === 'credence.attestation.challenge.issued.v1') return fact.data
    if (fact.type === 'credence.attestation.result.recorded.v1') return state && { ...state, result: fact.data.result }
    return state
  },
}

export const issueChallenge = (challenge: string, agent: string, nonceDigest: string, now: Date): AttestationFact[] => {
  const expires_at = new Date(now.getTime() + CHALLENGE_SECONDS * 1000).toISOString()
  return [
    {
      type: 'credence.attestation.challenge.issued.v1',
      data: { challenge, agent, nonce_digest: nonceDigest, expires_at },
    },
  ]
}

/** Why a challenge cannot be answered; undefined while it can. */
export function challengeEnd(state: Challenge, now: Date): 'challenge_used' | 'challenge_expired' | undefined {
  if (state.result) return 'challenge_used'
  return new Date(state.expires_at) <= now ? 'challenge_expired' : undefined
}

/** The result is recorded on the challenge itself: whoever comes second finds it used, on whichever replica. */
export function recordResult(state: Challenge, result: Result, now: Date): AttestationFact[] {
  const end = challengeEnd(state, now)
  if (end) throw precondition(end, 'A challenge can be answered once, within 60 seconds. Ask for a new one.')
  return [{ type: 'credence.attestation.result.recorded.v1', data: result }]
}
