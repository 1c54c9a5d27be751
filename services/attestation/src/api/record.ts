/** From what was proved to the one event and the EAR. */

import type { AttestationStatus } from '@credence/contracts/gen/credence/attestation/v1/attestation'
import type { Agent } from '@credence/contracts/principals/agent'
import { actorOf, type Caller } from '@credence/shared/callers/caller'
import { later } from '@credence/shared/clock'
import { sha256 } from '@credence/shared/digest'
import { newId } from '@credence/shared/ids'
import { enumName } from '@credence/shared/rpc/fields'
import { type Appraisal, appraise, type Examined } from '../domain/appraisal.ts'
import { recordResult } from '../domain/challenge.ts'
import type { Result } from '../domain/kinds/kind.ts'
import type { Context } from './context.ts'
import type { Submission } from './examine.ts'

/** How long a result that was not accepted is kept on: long enough to be seen, of no use to the agent. */
const REFUSED_SECONDS = 60

export async function record(
  { agent, key, challenge, profile }: Submission,
  { examined, nonce }: { examined: Examined[]; nonce?: string },
  caller: Caller,
  context: Context,
) {
  const { appraisals, appraisers, writer } = context
  const now = context.clock()
  const appraisal = appraise(examined, {
    agent,
    profile,
    references: appraisals.referencesOf(agent.blueprint),
    lists: appraisals.listsOf(agent.blueprint),
    isBlocked: appraisals.isBlocked,
    previous: appraisals.results.before(agent.agent),
    appraisers,
    now,
  })
  const expiresAt = endOf(appraisal, agent, now)
  const ear = await context.issueEar({
    appraisal,
    spiffeId: agent.spiffe_id,
    keyThumbprint: key.thumbprint,
    nonce,
    policyIds: [
      ...(profile ? [`profile/${profile.blueprint}/v${profile.version}`] : []),
      ...appraisal.references.map((id) => `reference/${id}`),
    ],
    now,
    expiresAt,
  })
  const result: Result = {
    result: newId('att'),
    challenge: challenge.challenge,
    agent: agent.agent,
    blueprint: agent.blueprint,
    key_thumbprint: key.thumbprint,
    status: appraisal.status,
    accepted: appraisal.accepted,
    changed: appraisal.changed,
    kinds: appraisal.kinds,
    evidence: appraisal.evidence,
    trustworthiness_vector: appraisal.vector as Record<string, number>,
    reasons: appraisal.reasons,
    ...(appraisal.composition
      ? { composition: appraisal.composition, composition_approved: appraisal.compositionApproved }
      : {}),
    ...(appraisal.modelGrade ? { model_grade: appraisal.modelGrade } : {}),
    references: appraisal.references,
    anchors: appraisal.anchors,
    digests: appraisal.digests,
    ...(profile ? { profile_version: profile.version } : {}),
    sufficient: appraisal.sufficient.map(({ sensitivity, until }) => ({
      sensitivity,
      expires_at: new Date(Math.min(until, expiresAt.getTime())).toISOString(),
    })),
    result_digest: sha256(ear),
    expires_at: expiresAt.toISOString(),
  }
  const { position } = await writer.execute(appraisals.challenges, {
    id: challenge.challenge,
    actor: actorOf(caller),
    now,
    decide: (state) => recordResult(state ?? challenge, result, context.clock()),
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

/** The soonest of what the profile allows, what the evidence is young enough for, and the agent’s own end. */
function endOf({ accepted, until }: Appraisal, agent: Agent, now: Date): Date {
  const end = accepted ? until : later(now, REFUSED_SECONDS).getTime()
  return new Date(Math.min(end, Date.parse(agent.expires_at)))
}
