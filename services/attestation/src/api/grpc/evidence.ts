import { CredenceError, forbidden, invalid, notFound, precondition } from '@credence/contracts/errors'
import { AgentId, ChallengeId } from '@credence/contracts/events/values'
import type { AttestationStatus } from '@credence/contracts/gen/credence/attestation/v1/attestation'
import type { Agent } from '@credence/contracts/principals/agent'
import { actorOf, type Caller } from '@credence/shared/callers/caller'
import { earliest, later } from '@credence/shared/clock'
import { sha256 } from '@credence/shared/digest'
import { newId } from '@credence/shared/ids'
import { enumName, notBefore, waitFor } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { decodeJwt } from 'jose'
import { z } from 'zod'
import { appraiseSoftware, type Verified } from '../../domain/appraisal.ts'
import {
  CHALLENGE_SECONDS,
  type Challenge,
  challengeEnd,
  issueChallenge,
  recordResult,
} from '../../domain/challenge.ts'
import type { Context } from '../context.ts'

const MAX_OPEN = 10
/** How long a result that was not accepted is kept on: long enough to be seen, of no use to the agent. */
const REFUSED_SECONDS = 60

export const evidenceMethods = (context: Context) => {
  const { principals, appraisals, writer, clock } = context

  const living = (id: string, now: Date): Agent => {
    const agent = principals.agent(id)
    if (!agent) throw notFound('agent', id)
    const end = principals.agentEnd(id, now)
    if (end) throw precondition(end, 'An agent that has ended cannot attest.')
    return agent
  }

  return {
    createChallenge: method({
      allow: ['agent'],
      input: z.object({ agentId: AgentId, notBefore }),
      handle: async (input, caller) => {
        await waitFor(input.notBefore, context.followers)
        refuseOthers(input.agentId, caller)
        const now = clock()
        living(input.agentId, now)
        if (appraisals.openChallenges(input.agentId, now) >= MAX_OPEN)
          throw new CredenceError(
            'resource_exhausted',
            'too_many_challenges',
            `At most ${MAX_OPEN} challenges may be open. Answer one, or wait a minute.`,
          )
        const challenge = newId('chl')
        const nonce = context.newNonce()
        await writer.execute(appraisals.challenges, {
          id: challenge,
          actor: actorOf(caller),
          now,
          decide: () => issueChallenge(challenge, input.agentId, sha256(nonce), now),
        })
        return { challengeId: challenge, nonce, expiresAt: later(now, CHALLENGE_SECONDS), audience: context.spiffeId }
      },
    }),
    submitEvidence: method({
      allow: ['agent'],
      input: z.object({
        challengeId: ChallengeId,
        kind: z.literal('software', 'must be "software"'),
        evidence: z.string().min(1, 'must not be empty'),
      }),
      handle: async ({ challengeId, evidence, kind }, caller) => {
        const now = clock()
        const challenge = appraisals.challenges.get(challengeId).state
        if (!challenge) throw notFound('challenge', challengeId)
        refuseOthers(challenge.agent, caller)
        const agent = living(challenge.agent, now)
        const end = challengeEnd(challenge, now)
        if (end) throw precondition(end, 'A challenge can be answered once, within 60 seconds. Ask for a new one.')
        const verified = await context.verifySoftware(evidence, {
          agent: { spiffeId: agent.spiffe_id, jwk: agent.public_jwk, keyThumbprint: agent.key_thumbprint },
          nonceDigest: challenge.nonce_digest,
          audience: context.spiffeId,
          now,
        })
        return record({ challenge, agent, verified, evidence, kind, caller, now })
      },
    }),
  }

  async function record(about: {
    challenge: Challenge
    agent: Agent
    verified: Verified
    evidence: string
    kind: string
    caller: Caller
    now: Date
  }) {
    const { challenge, agent, verified, now } = about
    const profile = appraisals.profile(agent.blueprint)
    const appraisal = appraiseSoftware(verified, {
      agent,
      profile,
      references: appraisals.referencesOf(agent.blueprint),
    })
    const life = appraisal.accepted && profile ? profile.maximum_age_seconds : REFUSED_SECONDS
    const expiresAt = earliest(later(now, life), new Date(agent.expires_at))
    const policyIds = [profile && `profile/${profile.blueprint}/v${profile.version}`, appraisal.reference].filter(
      (id) => id !== undefined,
    )
    const ear = await context.issueEar({
      appraisal,
      spiffeId: agent.spiffe_id,
      keyThumbprint: agent.key_thumbprint,
      nonce: String(decodeJwt(about.evidence).eat_nonce),
      policyIds,
      now,
      expiresAt,
    })
    const result = {
      result: newId('att'),
      challenge: challenge.challenge,
      agent: agent.agent,
      kind: about.kind,
      status: appraisal.status,
      accepted: appraisal.accepted,
      trustworthiness_vector: appraisal.vector,
      reasons: appraisal.reasons,
      composition: 'measurements' in verified ? verified.measurements : undefined,
      reference: appraisal.reference,
      profile_version: profile?.version,
      result_digest: sha256(ear),
      expires_at: expiresAt.toISOString(),
    }
    const { position } = await writer.execute(appraisals.challenges, {
      id: challenge.challenge,
      actor: actorOf(about.caller),
      now,
      decide: (state) => recordResult(state ?? challenge, result, now),
    })
    return {
      resultId: result.result,
      status: enumName<AttestationStatus>('ATTESTATION_STATUS_', appraisal.status),
      attestationResult: ear,
      reasons: appraisal.reasons,
      expiresAt,
      position,
      accepted: appraisal.accepted,
    }
  }
}

function refuseOthers(agentId: string, caller: Caller): void {
  if (caller.kind !== 'agent') throw invalid('agent_id', 'only an agent attests')
  if (caller.agent !== agentId) throw forbidden('not_yourself', 'An agent attests for itself only.')
}
