/** Challenges, evidence, results. */
import { EVIDENCE_KINDS } from '@credence/contracts/attestation/kinds'
import { CredenceError, forbidden, invalid, notFound, precondition } from '@credence/contracts/errors'
import { AgentId, ChallengeId } from '@credence/contracts/events/values'
import { type Agent, livingKeys } from '@credence/contracts/principals/agent'
import { actorOf, type Caller } from '@credence/shared/callers/caller'
import { later } from '@credence/shared/clock'
import { sha256 } from '@credence/shared/digest'
import { newId } from '@credence/shared/ids'
import { notBefore, waitFor } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { createTurns } from '@credence/shared/turns'
import { z } from 'zod'
import { CHALLENGE_SECONDS, issueChallenge, refuseUnlessOpen } from '../../domain/challenge.ts'
import type { Context } from '../context.ts'
import { examine } from '../examine.ts'
import { record } from '../record.ts'
import { MAX_PIECES, type PieceKind } from '../verifier.ts'
import { resultMessage } from './messages/result.ts'

const MAX_OPEN = 10
const MAX_PIECE_BYTES = 1024 * 1024
/** All pieces together. */
const MAX_SUBMISSION_BYTES = 3 * 1024 * 1024

const PIECE_KINDS = EVIDENCE_KINDS.filter((kind): kind is PieceKind => kind !== 'software')
const Pieces = z
  .array(
    z.object({
      kind: z.enum(PIECE_KINDS, {
        error: `must be one of ${PIECE_KINDS.join(', ')}; software is the statement itself`,
      }),
      content: z
        .instanceof(Uint8Array)
        .refine((content) => content.byteLength > 0, 'must not be empty')
        .refine((content) => content.byteLength <= MAX_PIECE_BYTES, `must be at most ${MAX_PIECE_BYTES} bytes`),
    }),
  )
  .max(MAX_PIECES, `must be at most ${MAX_PIECES} pieces`)
  .refine((all) => new Set(all.map(({ kind }) => kind)).size === all.length, 'must name each kind once')

export const evidenceMethods = (context: Context) => {
  const { principals, appraisals, writer, clock } = context
  const inTurn = createTurns()

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
        const { keyThumbprint } = itself(input.agentId, caller)
        // One after the other: what is open is counted before another is opened.
        return inTurn(input.agentId, () => open(input.agentId, keyThumbprint, caller))
      },
    }),

    submitEvidence: method({
      allow: ['agent'],
      maxBytes: MAX_SUBMISSION_BYTES,
      input: z.object({
        challengeId: ChallengeId,
        statement: z.string().min(1, 'must not be empty'),
        evidence: Pieces,
      }),
      // Who sends two answers to one challenge finds the second refused, and pays for one verification; and who sends many
      // waits for them alone.
      handle: (input, caller) =>
        context.limits.oneByOne(caller.kind === 'agent' ? caller.agent : '', () => submit(input, caller)),
    }),

    getResult: method({
      allow: ['agent', 'security-operator', 'sponsor', 'auditor', 'enforcement-point'],
      input: z.object({ agentId: AgentId, notBefore }),
      handle: async ({ agentId, notBefore: positions }, caller) => {
        await waitFor(positions, context.followers)
        if (caller.kind === 'agent') itself(agentId, caller)
        const newest = appraisals.results.of(agentId)?.newest
        if (!newest) throw notFound('result', agentId)
        return resultMessage(newest)
      },
    }),
  }

  async function open(agentId: string, keyThumbprint: string, caller: Caller) {
    const now = clock()
    living(agentId, now)
    if (appraisals.challenges.openOf(agentId, now) >= MAX_OPEN)
      throw new CredenceError(
        'resource_exhausted',
        'too_many_challenges',
        `At most ${MAX_OPEN} challenges may be open. Answer one, or wait a minute.`,
      )
    const challenge = newId('chl')
    const nonce = context.newNonce()
    const about = { challenge, agent: agentId, keyThumbprint, nonceDigest: sha256(nonce) }
    await writer.execute(appraisals.challenges, {
      id: challenge,
      actor: actorOf(caller),
      now,
      decide: () => issueChallenge(about, now),
    })
    return { challengeId: challenge, nonce, expiresAt: later(now, CHALLENGE_SECONDS), audience: context.spiffeId }
  }

  async function submit(
    { challengeId, ...sent }: { challengeId: string; statement: string; evidence: z.infer<typeof Pieces> },
    caller: Caller,
  ) {
    // The challenge may have been issued, and a reference withdrawn, by another replica a moment ago.
    await context.barrier()
    const now = clock()
    const challenge = appraisals.challenges.get(challengeId).state
    if (!challenge) throw notFound('challenge', challengeId)
    const { keyThumbprint } = itself(challenge.agent, caller)
    if (keyThumbprint !== challenge.key_thumbprint)
      throw forbidden('other_key', 'A challenge is answered with the key that asked for it.')
    const agent = living(challenge.agent, now)
    const key = livingKeys(agent, now).find(({ thumbprint }) => thumbprint === keyThumbprint)
    if (!key) throw forbidden('other_key', 'This key of the agent does not count any more.')
    refuseUnlessOpen(challenge, now)
    await context.limits.refuseTooMany(agent.agent)
    const submission = { ...sent, agent, key, challenge, profile: appraisals.profile(agent.blueprint), now }
    return record(submission, await examine(submission, context), caller, context)
  }
}

function itself(agentId: string, caller: Caller): Caller & { kind: 'agent' } {
  if (caller.kind !== 'agent') throw invalid('agent_id', 'only an agent attests')
  if (caller.agent !== agentId) throw forbidden('not_yourself', 'An agent attests for itself only.')
  return caller
}
