/** A challenge: one nonce for one agent and one of its keys, 60 seconds, and exactly one result. */
import { precondition } from '@credence/contracts/errors'
import type { AttestationFact, EventData, Fact } from '@credence/contracts/events/catalog'
import type { Result } from './kinds/kind.ts'

export const CHALLENGE_SECONDS = 60

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

export const issueChallenge = (
  about: { challenge: string; agent: string; keyThumbprint: string; nonceDigest: string },
  now: Date,
): AttestationFact[] => [
  {
    type: 'credence.attestation.challenge.issued.v1',
    data: {
      challenge: about.challenge,
      agent: about.agent,
      key_thumbprint: about.keyThumbprint,
      nonce_digest: about.nonceDigest,
      expires_at: new Date(now.getTime() + CHALLENGE_SECONDS * 1000).toISOString(),
    },
  },
]

/** @throws CredenceError `failed_precondition` (`challenge_used`, `challenge_expired`) when it cannot be answered any more */
export function refuseUnlessOpen(state: Challenge, now: Date): void {
  const end = state.result ? 'challenge_used' : new Date(state.expires_at) <= now ? 'challenge_expired' : undefined
  if (end) throw precondition(end, 'A challenge can be answered once, within 60 seconds. Ask for a new one.')
}

/** The result is recorded on the challenge itself: whoever comes second finds it used, on whichever replica. */
export function recordResult(state: Challenge, result: Result, now: Date): AttestationFact[] {
  refuseUnlessOpen(state, now)
  return [{ type: 'credence.attestation.result.recorded.v1', data: result }]
}
