/** Challenges and submissions, over real gRPC and NATS, with two replicas. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { newAgentKey } from '@credence/sdk/agent/key'
import type { Piece } from '@credence/sdk/agent/statement'
import { verifyAttestationResult } from '@credence/sdk/resource/attestation-result'
import { sha256 } from '@credence/shared/digest'
import { newId } from '@credence/shared/ids'
import { parseBundle } from '@credence/shared/spiffe/bundle'
import { certificatesIn } from '@credence/shared/spiffe/x509-svid'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hours } from '../../../infra/testing/facts.ts'
import { BLUEPRINT, COMPOSITION, type House, openHouse, refusalOf, sent, type Worker } from './testing/house.ts'

let house: House
let second: number
beforeAll(async () => {
  house = await openHouse()
  await house.blueprint(BLUEPRINT)
  second = await house.replica()
})
afterAll(async () => house?.close())

const precondition = (reason: string) => ({ status: 'failed_precondition', reason })
const recordedOf = async (agent: string) =>
  (await house.read('ATTESTATION')).flatMap(({ facts }) =>
    facts.flatMap(({ type, data }) =>
      type === 'credence.attestation.result.recorded.v1' && data.agent === agent ? [data] : [],
    ),
  )
const piece = (kind: Piece['kind'], text: string): Piece => ({ kind, content: Buffer.from(text) })
const submission = async (worker: Worker, evidence: Piece[] = []) => {
  const challenge = await worker.challenge()
  const statement = await worker.statement(challenge, COMPOSITION, evidence)
  return { challengeId: challenge.challengeId, statement, evidence: sent(evidence) }
}

describe('an agent attests', () => {
  it('with what was approved, and gets a result that verifies offline and is bound to its key', async () => {
    const worker = await house.agent()
    const answer = await worker.attest()
    expect(answer).toMatchObject({
      accepted: true,
      status: 'ATTESTATION_STATUS_WARNING',
      reasons: ['software/self_measured'],
    })
    const { agentId, key, spiffeId } = worker
    const now = new Date()
    const result = await verifyAttestationResult(answer.attestationResult, {
      bundle: bundleOf(house),
      now,
      keyThumbprint: key.thumbprint,
    })
    expect(result).toMatchObject({ status: 'warning', issuer: house.audience, subject: spiffeId })
    expect(Object.keys(result.submodules)).toEqual(['software'])
    expect(result.submodules.software?.policyIds[0]).toBe(`profile/${BLUEPRINT}/v1`)
    expect(Math.abs(result.expiresAt.getTime() - now.getTime() - 3_600_000)).toBeLessThan(10_000)

    expect(await house.security.getResult({ agentId, notBefore: [answer.position] })).toMatchObject({
      resultId: answer.resultId,
      accepted: true,
      profileVersion: 1,
      revoked: '',
      evidence: [{ kind: 'software', claims: JSON.stringify({ composition: COMPOSITION }) }],
      sufficient: ['public', 'internal', 'confidential', 'restricted'].map((sensitivity) => ({ sensitivity })),
    })
    const [recorded] = await recordedOf(agentId)
    expect(recorded?.result_digest).toBe(sha256(answer.attestationResult))
    expect(recorded?.key_thumbprint).toBe(key.thumbprint)
  })

  it('for no longer than it lives', async () => {
    const worker = await house.agent({ expires_at: hours(0.01, new Date()) })
    const { expiresAt, accepted } = await worker.attest()
    expect(accepted).toBe(true)
    expect(expiresAt?.getTime()).toBeLessThanOrEqual(Date.now() + 36_000)
  })

  it('changed: refused, by name, and said so', async () => {
    const worker = await house.agent()
    await worker.attest()
    const answer = await worker.attest({ ...COMPOSITION, model: '9'.repeat(64) })
    expect(answer).toMatchObject({ accepted: false, status: 'ATTESTATION_STATUS_CONTRAINDICATED' })
    expect(answer.reasons).toContain('software/model_unknown')
    expect((await recordedOf(worker.agentId)).map(({ accepted, changed }) => [accepted, changed])).toEqual([
      [true, false],
      [false, true],
    ])
  })
})

describe('a restart', () => {
  it('forgets nothing: neither results nor open challenges', async () => {
    const worker = await house.agent()
    const { resultId } = await worker.attest()
    const asked = await submission(worker)
    await house.stack.service('attestation').stop()
    await house.stack.start('attestation')
    expect(await house.security.getResult({ agentId: worker.agentId, notBefore: [] })).toMatchObject({ resultId })
    expect(await worker.client.submitEvidence(asked)).toMatchObject({ accepted: true })
    expect(await refusalOf(worker.client.submitEvidence(asked))).toEqual(precondition('challenge_used'))
  })
})

describe('a challenge', () => {
  it('is answered once, on whichever replica', async () => {
    const worker = await house.agent()
    const asked = await submission(worker)
    expect(await worker.client.submitEvidence(asked)).toMatchObject({ accepted: true })
    expect(await refusalOf(worker.client.submitEvidence(asked))).toEqual(precondition('challenge_used'))
    expect(await refusalOf(worker.at(second).submitEvidence(asked))).toEqual(precondition('challenge_used'))
  })

  it('is answered once in a race of two replicas', async () => {
    for (let round = 0; round < 10; round++) {
      const worker = await house.agent()
      const asked = await submission(worker)
      const both = await Promise.allSettled([
        worker.client.submitEvidence(asked),
        worker.at(second).submitEvidence(asked),
      ])
      expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      expect(both.find(({ status }) => status === 'rejected')).toMatchObject({
        reason: precondition('challenge_used'),
      })
      expect(await recordedOf(worker.agentId)).toHaveLength(1)
    }
  })

  it('counts for the agent that asked, and for the key by which it asked', async () => {
    const [one, other] = [await house.agent(), await house.agent()]
    const asked = await submission(one)
    expect(await refusalOf(other.client.submitEvidence(asked))).toEqual({
      status: 'permission_denied',
      reason: 'not_yourself',
    })
    expect(await refusalOf(other.client.createChallenge({ agentId: one.agentId, notBefore: [] }))).toEqual({
      status: 'permission_denied',
      reason: 'not_yourself',
    })
    const key = await newAgentKey()
    await house.write('IDENTITY', `agent/${one.agentId}`, {
      type: 'credence.identity.agent.key_rotated.v1',
      data: {
        agent: one.agentId,
        public_jwk: key.publicJwk as never,
        key_thumbprint: key.thumbprint,
        previous: one.key.thumbprint,
        previous_ends_at: hours(1, new Date()),
      },
    })
    expect(await refusalOf(one.by(key).submitEvidence(asked))).toEqual({
      status: 'permission_denied',
      reason: 'other_key',
    })
    // The key that asked counts for as long as the two overlap.
    expect(await one.client.submitEvidence(asked)).toMatchObject({ accepted: true })
  })

  it('that never was, or of an agent that has ended, is refused', async () => {
    const worker = await house.agent()
    const asked = await submission(worker)
    expect(await refusalOf(worker.client.submitEvidence({ ...asked, challengeId: newId('chl') }))).toMatchObject({
      status: 'not_found',
    })
    await house.write('IDENTITY', `agent/${worker.agentId}`, {
      type: 'credence.identity.agent.revoked.v1',
      data: { agent: worker.agentId, reason: 'test' },
    })
    expect(await refusalOf(worker.client.submitEvidence(asked))).toEqual(precondition('agent_revoked'))
  })

  it('that is over is refused before anything is verified, and nothing is recorded', async () => {
    const worker = await house.agent()
    const challenge = newId('chl')
    const nonce = 'n'.repeat(43)
    await house.write('ATTESTATION', `challenge/${challenge}`, {
      type: 'credence.attestation.challenge.issued.v1',
      data: {
        challenge,
        agent: worker.agentId,
        key_thumbprint: worker.key.thumbprint,
        nonce_digest: sha256(nonce),
        expires_at: new Date(Date.now() - 1).toISOString(),
      },
    })
    const statement = await worker.statement({ nonce })
    const asked = { challengeId: challenge, statement, evidence: [] }
    expect(await refusalOf(worker.client.submitEvidence(asked))).toEqual(precondition('challenge_expired'))
    expect(await recordedOf(worker.agentId)).toEqual([])
  })

  it('is one of ten that may be open, and one of thirty answers a minute', async () => {
    const worker = await house.agent()
    const all = await Promise.allSettled(Array.from({ length: 40 }, () => submission(worker)))
    const open = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(open).toHaveLength(10)
    expect(await refusalOf(worker.challenge())).toEqual({ status: 'resource_exhausted', reason: 'too_many_challenges' })
    for (const asked of open) await worker.client.submitEvidence(asked).catch(() => undefined)
    let refused: unknown
    for (let count = 0; count < 31 && !refused; count++)
      refused = await worker.attest().then(
        () => undefined,
        (error) => error,
      )
    expect(refused).toMatchObject({ status: 'resource_exhausted', reason: 'too_many_submissions' })
  })
})

describe('a submission', () => {
  const refused = (...reasons: string[]) => ({
    accepted: false,
    status: 'ATTESTATION_STATUS_CONTRAINDICATED',
    reasons: expect.arrayContaining(reasons),
  })
  it('whose statement is malformed, signed by another key, or answers another challenge is a recorded refusal', async () => {
    const worker = await house.agent()
    const [first, other] = [await worker.challenge(), await worker.challenge()]
    const stranger = await house.agent({}, await newAgentKey())
    const cases: [statement: string, code: string][] = [
      ['nonsense', 'software/evidence_malformed'],
      [await stranger.statement(first), 'software/signature_invalid'],
      [await worker.statement(other), 'software/nonce_mismatch'],
      ['x'.repeat(20_000), 'software/evidence_too_large'],
    ]
    for (const [statement, code] of cases) {
      const { challengeId } = await worker.challenge()
      const answer = await worker.client.submitEvidence({ challengeId, statement, evidence: [] })
      expect(answer).toMatchObject(refused(code))
      // Also a refusal is signed, and says no more than that.
      const result = await verifyAttestationResult(answer.attestationResult, {
        bundle: bundleOf(house),
        now: new Date(),
      })
      expect(result).toMatchObject({
        status: 'contraindicated',
        submodules: { software: { policyIds: [expect.any(String)] } },
      })
    }
    expect((await recordedOf(worker.agentId)).map(({ reasons }) => reasons[0])).toEqual(cases.map(([, code]) => code))
  })

  it('has exactly the pieces that were stated, byte for byte', async () => {
    const worker = await house.agent()
    const stated = [piece('spiffe-svid', 'one')]
    const cases: [name: string, evidence: Piece[]][] = [
      ['missing', []],
      ['added', [...stated, piece('tpm2-quote', 'two')]],
      ['altered', [piece('spiffe-svid', 'One')]],
      ['of another kind', [piece('kubernetes-sat', 'one')]],
    ]
    for (const [name, evidence] of cases) {
      const asked = await submission(worker, stated)
      const answer = await worker.client.submitEvidence({ ...asked, evidence: sent(evidence) })
      expect(answer, name).toMatchObject(
        refused('software/pieces_not_as_stated', ...evidence.map(({ kind }) => `${kind}/not_examined`)),
      )
    }
  })

  it('with a piece that proves nothing is refused as a whole, whatever the profile asks for', async () => {
    const worker = await house.agent()
    const answer = await worker.attest(COMPOSITION, [piece('agent-manifest', '{}')])
    expect(answer.accepted).toBe(false)
    expect(answer.reasons[0]).toMatch(/^agent-manifest\//)
  })

  it('names each field that is wrong, and leaves the challenge open', async () => {
    const worker = await house.agent()
    const asked = await submission(worker)
    const content = Buffer.from('x')
    const kind = 'spiffe-svid'
    const cases: [part: object, field: string][] = [
      [{ challengeId: 'x' }, 'challenge_id'],
      [{ statement: '' }, 'statement'],
      [{ evidence: [{ kind: 'magic', content }] }, 'evidence.0.kind'],
      [{ evidence: [{ kind: 'software', content }] }, 'evidence.0.kind'],
      [{ evidence: [{ kind, content: Buffer.alloc(0) }] }, 'evidence.0.content'],
      [{ evidence: [{ kind, content: Buffer.alloc(1024 * 1024 + 1) }] }, 'evidence.0.content'],
      [
        {
          evidence: [
            { kind, content },
            { kind, content },
          ],
        },
        'evidence',
      ],
      [{ evidence: Array.from({ length: 9 }, () => ({ kind, content })) }, 'evidence'],
      [{ evidence: [1, 2, 3].map(() => ({ kind, content: Buffer.alloc(1024 * 1024) })) }, 'request'],
    ]
    for (const [part, field] of cases)
      expect(await refusalOf(worker.client.submitEvidence({ ...asked, ...part })), field).toMatchObject({
        status: 'invalid_argument',
        field,
      })
    expect(await worker.client.submitEvidence(asked)).toMatchObject({ accepted: true })
  })

  it('is for agents; a result is for those who need it', async () => {
    const [worker, other] = [await house.agent(), await house.agent()]
    const { position } = await worker.attest()
    const asked = { agentId: worker.agentId, notBefore: [position] }
    for (const client of [
      house.security,
      await house.person('ada', 'credence-auditors'),
      await house.person('milan', 'credence-sponsors'),
      await house.workload('enforcement-point/calendar'),
      worker.client,
    ])
      expect(await client.getResult(asked)).toMatchObject({ accepted: true })
    const denied = { status: 'permission_denied' }
    for (const client of [await house.person('nobody'), await house.workload('platform/x'), other.client])
      expect(await refusalOf(client.getResult(asked))).toMatchObject(denied)
    for (const client of [house.security, await house.workload('platform/x')]) {
      expect(await refusalOf(client.createChallenge({ agentId: worker.agentId, notBefore: [] }))).toMatchObject(denied)
      expect(await refusalOf(client.submitEvidence(await submission(worker)))).toMatchObject(denied)
    }
    expect(await refusalOf(house.security.getResult({ agentId: newId('agt'), notBefore: [] }))).toMatchObject({
      status: 'not_found',
    })
  })
})

function bundleOf({ stack }: House) {
  const keys = certificatesIn(readFileSync(stack.authority.caFile, 'utf8')).map((der) => {
    const key = new X509Certificate(der).publicKey.export({ format: 'jwk' })
    return { ...key, use: 'x509-svid', x5c: [Buffer.from(der).toString('base64')] }
  })
  return parseBundle(stack.trustDomain, JSON.stringify({ keys }))
}
