/** An agent with an enrolled TPM: the attester on one end, what the service does on the other, without the network between. */

import { type EnrolOptions, enrolTpm } from '@credence/attester/tpm/enrol'
import { evidenceBinding } from '@credence/contracts/attestation/binding'
import type { RequirementOf } from '@credence/contracts/attestation/requirements'
import type { Anchor } from '@credence/contracts/attestation/trust'
import type { EventData } from '@credence/contracts/events/catalog'
import type { Agent } from '@credence/contracts/principals/agent'
import { newId } from '@credence/shared/ids'
import { tpmEnroller } from '../adapters/tpm/enroller.ts'
import type { Evidenced } from '../api/verifier.ts'
import { answerTpm, challengeTpm, type Enrolled, type TpmState, tpmEvolution } from '../domain/tpm.ts'

export const AUDIENCE = 'spiffe://credence.example/service/attestation'
export const NONCE = Buffer.alloc(32, 7).toString('base64url')
export const SELECTION = { bank: 'sha256', pcrs: [0, 1, 2, 3, 4, 5, 6, 7] } as const

export const newAgent = (thumbprint = 'thumbprint-of-the-agent') => {
  const agent = newId('agt')
  return { agent, spiffeId: `spiffe://credence.example/agent/x/${agent}`, keyThumbprint: thumbprint }
}
export type TestAgent = ReturnType<typeof newAgent>

export const manufacturer = (pem: string): Anchor => ({
  anchor: newId('anc'),
  label: 'A manufacturer',
  kinds: ['tpm2-quote'],
  blueprints: [],
  material: { type: 'tpm-manufacturer', pem },
})

export const listedKey = (ek_digest: string): Anchor => ({
  anchor: newId('anc'),
  label: 'One machine',
  kinds: ['tpm2-quote'],
  blueprints: [],
  material: { type: 'tpm-endorsement-key', ek_digest },
})

export type TestService = EnrolOptions['service'] & { state: TpmState }

/** The service’s side, for one agent: domain and adapter as they are. */
export function enrolmentService(
  who: TestAgent,
  anchors: readonly Anchor[],
  now: () => Date = () => new Date(),
): TestService {
  const evolve = (facts: Parameters<typeof tpmEvolution.evolve>[1][]) => {
    service.state = facts.reduce(tpmEvolution.evolve, service.state)
    return facts
  }
  const service: TestService = {
    state: tpmEvolution.initialState,
    beginTpmEnrolment: async (request) => {
      const prepared = tpmEnroller.prepare(request, { agent: who, audience: AUDIENCE, anchors, now: now() })
      if ('refused' in prepared) throw new Error(prepared.refused)
      const { record, ...credential } = prepared
      const enrolling = {
        ...record,
        enrolment: newId('enr'),
        agent: who.agent,
        key_thumbprint: who.keyThumbprint,
        expires_at: new Date(now().getTime() + 60_000).toISOString(),
      }
      evolve(challengeTpm(service.state, enrolling, now()))
      return { enrolmentId: enrolling.enrolment, ...credential, expiresAt: new Date(enrolling.expires_at) } as never
    },
    completeTpmEnrolment: async ({ enrolmentId, secret }) => {
      const opened = (digest: string) => tpmEnroller.isSecret(secret, digest)
      const answer = { enrolment: enrolmentId, agent: who.agent, keyThumbprint: who.keyThumbprint, opened }
      const [fact] = evolve(answerTpm(service.state, answer, now()))
      if (fact?.type !== 'credence.attestation.tpm.enrolled.v1') throw new Error('credential_wrong')
      return { position: 'ATTESTATION:1', certified: fact.data.certified }
    },
  }
  return service
}

/** Enrols; answers with the record. */
export async function enrolled(
  options: Pick<EnrolOptions, 'tcti' | 'folder'> & Partial<EnrolOptions>,
  who: TestAgent,
  anchors: readonly Anchor[],
): Promise<Enrolled> {
  const service = enrolmentService(who, anchors)
  const agent = { agentId: who.agent, spiffeId: who.spiffeId, keyThumbprint: who.keyThumbprint }
  await enrolTpm({ audience: AUDIENCE, service, agent, ...options })
  if (!service.state.enrolled) throw new Error('not enrolled')
  return service.state.enrolled
}

export const bindingOf = (who: TestAgent, nonce = NONCE): Buffer =>
  evidenceBinding({ kind: 'tpm2-quote', nonce, keyThumbprint: who.keyThumbprint, audience: AUDIENCE })

export const requirement = (selection: { bank: 'sha256' | 'sha384'; pcrs: readonly number[] } = SELECTION) =>
  ({ kind: 'tpm2-quote', bank: selection.bank, pcrs: [...selection.pcrs] }) satisfies RequirementOf<'tpm2-quote'>

/** What the verifier is told, for an agent with this record. */
export const about = (
  who: TestAgent,
  tpm: Enrolled | undefined,
  anchors: readonly Anchor[],
  part: Partial<Evidenced<'tpm2-quote'>> = {},
): Evidenced<'tpm2-quote'> => ({
  agent: { ...who, blueprint: 'x', jwk: { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' } as never },
  nonce: NONCE,
  binding: bindingOf(who),
  audience: AUDIENCE,
  now: new Date(),
  anchors,
  requirements: [requirement()],
  tpm,
  ...part,
})

/** A registered agent, as far as appraisers look at it. */
export const registered = (who: TestAgent): Agent => ({ agent: who.agent, key_thumbprint: who.keyThumbprint }) as Agent

export type PcrReference = EventData<'credence.attestation.reference.approved.v1'>
