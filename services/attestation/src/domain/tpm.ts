/**
 * The TPM of an agent: enrolled once by credential activation (TPM 2.0 Part 1 §24), and one record of it since. Whoever
 * checks a quote reads this record; endorsement key, attestation key and agent are never looked up apart (CVE-2022-1053).
 */
import { precondition } from '@credence/contracts/errors'
import type { AttestationFact, EventData, Fact } from '@credence/contracts/events/catalog'

export const ENROLMENT_SECONDS = 60

export type Enrolling = EventData<'credence.attestation.tpm.challenged.v1'>
export type Enrolled = EventData<'credence.attestation.tpm.enrolled.v1'>
export type TpmState = {
  enrolling?: Enrolling
  enrolled?: Enrolled
  /** Digest of the endorsement key of the one that was taken away last. */
  removed?: string
}

export const tpmEvolution = {
  initialState: {} as TpmState,
  evolve: (state: TpmState, fact: Fact): TpmState => {
    switch (fact.type) {
      case 'credence.attestation.tpm.challenged.v1':
        return { ...state, enrolling: fact.data }
      case 'credence.attestation.tpm.refused.v1': {
        const { enrolling, ...rest } = state
        // A challenge is used up by a wrong answer too; a refused beginning uses up none.
        return fact.data.enrolment === undefined ? state : rest
      }
      case 'credence.attestation.tpm.enrolled.v1':
        return { enrolled: fact.data }
      case 'credence.attestation.tpm.removed.v1':
        return { removed: fact.data.ek_digest }
      default:
        return state
    }
  },
}

/**
 * A challenge that only the TPM with both keys can answer.
 * @throws CredenceError `enrolment_open` while another one can still be answered, `tpm_enrolled_already` when another TPM is
 * enrolled: with the agent’s key alone, nobody puts another machine in its place
 */
export function challengeTpm(state: TpmState, wanted: Enrolling, now: Date): AttestationFact[] {
  if (state.enrolling && new Date(state.enrolling.expires_at) > now)
    throw precondition('enrolment_open', 'An enrolment is under way. Complete it, or begin again within a minute.')
  refuseAnother(state, wanted.ek_digest)
  return [{ type: 'credence.attestation.tpm.challenged.v1', data: wanted }]
}

function refuseAnother({ enrolled }: TpmState, ekDigest: string): void {
  if (enrolled && enrolled.ek_digest !== ekDigest)
    throw precondition(
      'tpm_enrolled_already',
      'Another TPM is enrolled for this agent. An operator must remove it first.',
    )
}

/** What an enrolment is answered with. */
export type Answer = {
  enrolment: string
  agent: string
  keyThumbprint: string
  /** Whether the secret is the one that was sent; compared in constant time by the caller, on `secret_digest`. */
  opened: (secretDigest: string) => boolean
}

/**
 * Answers a challenge, once. A wrong answer uses it up.
 * @throws CredenceError `enrolment_unknown`, `enrolment_expired`, `other_key`
 */
export function answerTpm(state: TpmState, answer: Answer, now: Date): AttestationFact[] {
  const { enrolling } = state
  if (!enrolling || enrolling.enrolment !== answer.enrolment || enrolling.agent !== answer.agent)
    throw precondition('enrolment_unknown', 'There is no such enrolment, or it was answered. Begin a new one.')
  if (new Date(enrolling.expires_at) <= now)
    throw precondition('enrolment_expired', 'An enrolment must be completed within 60 seconds. Begin a new one.')
  if (enrolling.key_thumbprint !== answer.keyThumbprint)
    throw precondition('other_key', 'The enrolment was begun with another key. Begin a new one.')
  const { expires_at, secret_digest, endorsement_expires_at, ...record } = enrolling
  if (!answer.opened(secret_digest)) return [refuseTpm({ ...record, reason: 'credential_wrong' })]
  refuseAnother(state, enrolling.ek_digest)
  const end = endorsement_expires_at === undefined ? {} : { expires_at: endorsement_expires_at }
  return [{ type: 'credence.attestation.tpm.enrolled.v1', data: { ...record, ...end } }]
}

export const refuseTpm = (about: {
  agent: string
  enrolment?: string
  ek_digest?: string
  reason: string
}): AttestationFact => {
  const { agent, enrolment, ek_digest, reason } = about
  return { type: 'credence.attestation.tpm.refused.v1', data: { agent, enrolment, ek_digest, reason } }
}

/** Takes a TPM from its agent: quotes of it count no more. Nothing when there is none. */
export function removeTpm({ enrolled }: TpmState, reason: string): AttestationFact[] {
  if (!enrolled) return []
  const { agent, ek_digest } = enrolled
  return [{ type: 'credence.attestation.tpm.removed.v1', data: { agent, ek_digest, reason } }]
}
