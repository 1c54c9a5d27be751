/** Enrolling a TPM for an agent, and taking it away. */
import { type CredenceError, forbidden, invalid, notFound, precondition } from '@credence/contracts/errors'
import type { AttestationFact } from '@credence/contracts/events/catalog'
import { AgentId, EnrolmentId, Prose } from '@credence/contracts/events/values'
import type { Agent } from '@credence/contracts/principals/agent'
import { actorOf, type Caller } from '@credence/shared/callers/caller'
import { later } from '@credence/shared/clock'
import { newId } from '@credence/shared/ids'
import { notBefore, waitFor } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import {
  answerTpm,
  challengeTpm,
  ENROLMENT_SECONDS,
  type Enrolling,
  refuseTpm,
  removeTpm,
  type TpmState,
} from '../../domain/tpm.ts'
import type { Context } from '../context.ts'
import type { TpmEnroller } from '../tpm-enrolment.ts'

export type TpmContext = Context & { tpmEnroller: TpmEnroller }

const bytes = (most: number) =>
  z
    .instanceof(Uint8Array)
    .refine((value) => value.byteLength > 0 && value.byteLength <= most, `must be 1 to ${most} bytes`)

export const tpmMethods = (context: TpmContext) => {
  const { principals, appraisals, tpmEnroller, writer, clock } = context
  const { tpms } = appraisals

  const living = (id: string, now: Date): Agent => {
    const agent = principals.agent(id)
    if (!agent) throw notFound('agent', id)
    const end = principals.agentEnd(id, now)
    if (end) throw precondition(end, 'An agent that has ended cannot enrol a TPM.')
    return agent
  }
  const write = (agent: string, caller: Caller, now: Date, decide: (state: TpmState) => AttestationFact[]) =>
    writer.execute(tpms, { id: agent, actor: actorOf(caller), now, decide })

  return {
    beginTpmEnrolment: method({
      allow: ['agent'],
      input: z.object({
        agentId: AgentId,
        endorsementPublic: bytes(2_048),
        endorsementCertificates: z.array(bytes(8_192)).max(5, 'must be at most 5'),
        attestationPublic: bytes(2_048),
        creationData: bytes(1_024),
        creationAttest: bytes(4_096),
        creationSignature: bytes(1_024),
        notBefore,
      }),
      handle: async ({ agentId, notBefore: positions, ...evidence }, caller) => {
        await waitFor(positions, context.followers)
        const { keyThumbprint } = itself(agentId, caller)
        await context.limits.refuseTooMany(agentId)
        const now = clock()
        const agent = living(agentId, now)
        const prepared = tpmEnroller.prepare(evidence, {
          agent: { spiffeId: agent.spiffe_id, keyThumbprint },
          audience: context.spiffeId,
          anchors: appraisals.anchorsFor('tpm2-quote', agent.blueprint),
          now,
        })
        if ('refused' in prepared) {
          const { refused: reason, detail, ekDigest: ek_digest } = prepared
          await write(agentId, caller, now, () => [refuseTpm({ agent: agentId, ek_digest, reason })])
          throw refusal(reason, detail)
        }
        const { record, ...credential } = prepared
        const holder = tpms.holderOf(record.ak_name)
        if (holder !== undefined && holder !== agentId)
          throw precondition(
            'attestation_key_taken',
            'Another agent has enrolled this attestation key. Make a new one.',
          )
        const enrolling: Enrolling = {
          ...record,
          enrolment: newId('enr'),
          agent: agentId,
          key_thumbprint: keyThumbprint,
          expires_at: later(now, ENROLMENT_SECONDS).toISOString(),
        }
        await write(agentId, caller, now, (state) => challengeTpm(state, enrolling, now))
        return { enrolmentId: enrolling.enrolment, ...credential, expiresAt: new Date(enrolling.expires_at) }
      },
    }),
    completeTpmEnrolment: method({
      allow: ['agent'],
      input: z.object({ agentId: AgentId, enrolmentId: EnrolmentId, secret: bytes(64) }),
      handle: async ({ agentId, enrolmentId, secret }, caller) => {
        const { keyThumbprint } = itself(agentId, caller)
        // It may have been begun at another replica a moment ago.
        await context.barrier()
        const now = clock()
        living(agentId, now)
        const answer = {
          enrolment: enrolmentId,
          agent: agentId,
          keyThumbprint,
          opened: (digest: string) => tpmEnroller.isSecret(secret, digest),
        }
        const { facts, position } = await write(agentId, caller, now, (state) => answerTpm(state, answer, now))
        const enrolled = facts.find(({ type }) => type === 'credence.attestation.tpm.enrolled.v1')
        if (!enrolled) throw refusal('credential_wrong', 'it did not open the credential')
        return { position, certified: (enrolled.data as { certified: boolean }).certified }
      },
    }),
    removeTpm: method({
      allow: ['security-operator'],
      input: z.object({ agentId: AgentId, reason: Prose }),
      handle: async ({ agentId, reason }, caller) => {
        if (!tpms.of(agentId)) throw notFound('tpm', agentId)
        const { position } = await write(agentId, caller, clock(), (state) => removeTpm(state, reason))
        return { position }
      },
    }),
  }
}

const refusal = (reason: string, detail: string): CredenceError =>
  precondition(reason, `The TPM cannot be enrolled: ${detail}.`)

function itself(agentId: string, caller: Caller): Caller & { kind: 'agent' } {
  if (caller.kind !== 'agent') throw invalid('agent_id', 'only an agent enrols its TPM')
  if (caller.agent !== agentId) throw forbidden('not_yourself', 'An agent enrols a TPM for itself only.')
  return caller
}
