import { newId } from '@credence/shared/ids'
import { describe, it } from 'vitest'
import { given } from '../../../../infra/testing/given.ts'
import { answerTpm, challengeTpm, type Enrolling, refuseTpm, removeTpm, tpmEvolution } from './tpm.ts'

const NOW = new Date('2026-11-25T12:00:00Z')
const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000)
const AGENT = newId('agt')

const enrolling: Enrolling = {
  enrolment: newId('enr'),
  agent: AGENT,
  key_thumbprint: 'thumbprint',
  ek_digest: '1'.repeat(64),
  ak_name: `000b${'2'.repeat(64)}`,
  ak_qualified_name: `000b${'3'.repeat(64)}`,
  ak_public: 'AAAA',
  certified: true,
  anchor: newId('anc'),
  manufacturer: 'id:494E5443',
  secret_digest: '4'.repeat(64),
  expires_at: later(60).toISOString(),
  endorsement_expires_at: '2040-01-01T00:00:00Z',
}
const { secret_digest: _, expires_at: __, endorsement_expires_at, ...record } = enrolling
const challenged = { type: 'credence.attestation.tpm.challenged.v1' as const, data: enrolling }
const enrolled = {
  type: 'credence.attestation.tpm.enrolled.v1' as const,
  data: { ...record, expires_at: '2040-01-01T00:00:00Z' },
}
const removed = {
  type: 'credence.attestation.tpm.removed.v1' as const,
  data: { agent: AGENT, ek_digest: enrolling.ek_digest, reason: 'sold' },
}
const refused = refuseTpm({ agent: AGENT, enrolment: enrolling.enrolment, reason: 'credential_wrong' })
const answer = {
  enrolment: enrolling.enrolment,
  agent: AGENT,
  keyThumbprint: 'thumbprint',
  opened: (digest: string) => digest === enrolling.secret_digest,
}
const next = (part: Partial<Enrolling> = {}): Enrolling => ({ ...enrolling, enrolment: newId('enr'), ...part })

describe('enrolling a TPM', () => {
  it('is challenged, answered once, and recorded as one', () => {
    given(tpmEvolution)
      .when((state) => challengeTpm(state, enrolling, NOW))
      .thenFacts(challenged)
    given(tpmEvolution, [challenged])
      .when((state) => answerTpm(state, answer, later(59)))
      .thenFacts(enrolled)
    given(tpmEvolution, [challenged, enrolled])
      .when((state) => answerTpm(state, answer, later(59)))
      .thenRefused('enrolment_unknown')
  })

  it('is refused after 60 seconds', () =>
    given(tpmEvolution, [challenged])
      .when((state) => answerTpm(state, answer, later(60)))
      .thenRefused('enrolment_expired'))

  it('is answered by the agent and the key that began it', () => {
    given(tpmEvolution, [challenged])
      .when((state) => answerTpm(state, { ...answer, keyThumbprint: 'another' }, NOW))
      .thenRefused('other_key')
    given(tpmEvolution, [challenged])
      .when((state) => answerTpm(state, { ...answer, agent: newId('agt') }, NOW))
      .thenRefused('enrolment_unknown')
  })

  it('is used up by a wrong answer', () => {
    given(tpmEvolution, [challenged])
      .when((state) => answerTpm(state, { ...answer, opened: () => false }, NOW))
      .thenFacts({
        type: 'credence.attestation.tpm.refused.v1',
        data: { enrolment: enrolling.enrolment, reason: 'credential_wrong' },
      })
    given(tpmEvolution, [challenged, refused])
      .when((state) => answerTpm(state, answer, NOW))
      .thenRefused('enrolment_unknown')
  })

  it('is under way once at a time', () => {
    given(tpmEvolution, [challenged])
      .when((state) => challengeTpm(state, next(), later(59)))
      .thenRefused('enrolment_open')
    given(tpmEvolution, [challenged])
      .when((state) => challengeTpm(state, next(), later(60)))
      .thenFacts({ type: challenged.type })
  })

  it('is not disturbed by a beginning that was refused', () => {
    const other = refuseTpm({ agent: AGENT, reason: 'chain_untrusted' })
    given(tpmEvolution, [challenged, other])
      .when((state) => answerTpm(state, answer, NOW))
      .thenFacts(enrolled)
  })
})

describe('CVE-2022-1053: what an agent has enrolled stays what it is', () => {
  it('a new attestation key of the same TPM takes the place of the former', () => {
    const again = next({ ak_name: `000b${'5'.repeat(64)}` })
    given(tpmEvolution, [challenged, enrolled])
      .when((state) => challengeTpm(state, again, NOW))
      .thenFacts({ type: challenged.type })
  })

  it('another TPM is refused until an operator has removed the first, whoever holds the agent’s key', () => {
    const other = next({ ek_digest: '6'.repeat(64) })
    given(tpmEvolution, [challenged, enrolled])
      .when((state) => challengeTpm(state, other, NOW))
      .thenRefused('tpm_enrolled_already')
    given(tpmEvolution, [challenged, enrolled, removed])
      .when((state) => challengeTpm(state, other, NOW))
      .thenFacts({ type: challenged.type })
    // Nor does it slip in between.
    given(tpmEvolution, [{ ...challenged, data: other }, { ...enrolled }, { ...challenged, data: other }])
      .when((state) => answerTpm(state, { ...answer, enrolment: other.enrolment }, NOW))
      .thenRefused('tpm_enrolled_already')
  })

  it('removing one that is not there is nothing', () => {
    given(tpmEvolution, [challenged, enrolled])
      .when((state) => removeTpm(state, 'sold'))
      .thenFacts(removed)
    given(tpmEvolution)
      .when((state) => removeTpm(state, 'sold'))
      .thenNothing()
  })
})
