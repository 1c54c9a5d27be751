/** A TPM is enrolled, shows quotes, and is taken away, over real gRPC and NATS, with a real TPM in software. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTpm2Quote } from '@credence/attester/evidence/tpm2-quote'
import { type EnrolOptions, enrolTpm } from '@credence/attester/tpm/enrol'
import { createQuoter, type Quoter } from '@credence/attester/tpm/quote'
import { evidenceBinding } from '@credence/contracts/attestation/binding'
import { AttestationStatus } from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { openAgentKey } from '@credence/sdk/agent/key-file'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { anchorFor, asks, profileFor, referenceFor } from '../../../../../infra/dev/attestation.ts'
import { credence } from '../../../../../infra/testing/credence.ts'
import { newSwtpm, type Swtpm, swtpmMissing } from '../../../../../infra/testing/swtpm/swtpm.ts'
import { BLUEPRINT, COMPOSITION, type House, openHouse, refusalOf, until, type Worker } from '../../testing/house.ts'
import { SELECTION } from '../../testing/tpm.ts'

describe.skipIf(swtpmMissing)(`a TPM${swtpmMissing ? ` (skipped: ${swtpmMissing})` : ''}`, () => {
  let tpm: Swtpm
  let house: House
  let anchorId: string
  const folder = mkdtempSync(join(tmpdir(), 'credence-enrolled-'))
  const quoters: Quoter[] = []

  beforeAll(async () => {
    ;[tpm, house] = await Promise.all([newSwtpm(), openHouse()])
    await house.blueprint(BLUEPRINT)
    const material = { $case: 'tpmManufacturer' as const, value: { pem: tpm.manufacturerPem } }
    const anchor = anchorFor(['tpm2-quote'], material)
    anchorId = (await house.security.approveTrustAnchor({ anchor })).anchorId
    const rule = asks('tpm2-quote', { bank: SELECTION.bank, pcrs: [...SELECTION.pcrs], certified: true })
    const worstAcceptableStatus = AttestationStatus.ATTESTATION_STATUS_AFFIRMING
    const profile = profileFor(BLUEPRINT, { rule, worstAcceptableStatus })
    const { version } = await house.security.defineProfile({ profile })
    await house.security.activateProfile({ blueprint: BLUEPRINT, version })
  })
  afterAll(async () => {
    for (const quoter of quoters) await quoter.close()
    await house?.close()
    await tpm?.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  const folderOf = (worker: Worker) => join(folder, worker.agentId)
  const enrol = (worker: Worker, part: Partial<EnrolOptions> = {}) =>
    enrolTpm({
      tcti: tpm.tcti,
      folder: folderOf(worker),
      agent: { agentId: worker.agentId, spiffeId: worker.spiffeId, keyThumbprint: worker.key.thumbprint },
      audience: house.audience,
      service: worker.client,
      ...part,
    })

  /** Shows a quote over a challenge. `about`: whose challenge it is made for. */
  async function attest(worker: Worker, from: Worker = worker) {
    const quoter = createQuoter({ tcti: tpm.tcti, folder: folderOf(from) })
    quoters.push(quoter)
    const challenge = await worker.challenge()
    const { nonce, challengeId } = challenge
    const keyThumbprint = from.key.thumbprint
    const binding = evidenceBinding({ kind: 'tpm2-quote', nonce, keyThumbprint, audience: house.audience })
    const produce = createTpm2Quote({ quoter, selection: SELECTION, eventLog: tpm.eventLog })
    const piece = await produce({ nonce, binding, now: new Date() })
    const statement = await worker.statement(challenge, COMPOSITION, [piece])
    const evidence = [{ kind: piece.kind, content: Buffer.from(piece.content) }]
    return worker.client.submitEvidence({ challengeId, statement, evidence })
  }
  const events = async (agentId: string) =>
    (await house.read('ATTESTATION'))
      .filter(({ subject }) => subject === `tpm/${agentId}`)
      .flatMap(({ facts }) => facts)

  /** Approves the registers that an agent has just shown. */
  async function approveBoot(worker: Worker, position: string) {
    const { evidence } = await house.security.getResult({ agentId: worker.agentId, notBefore: [position] })
    const { claims = '{}' } = evidence.find(({ kind }) => kind === 'tpm2-quote') ?? {}
    const { pcrs, bank } = JSON.parse(claims)
    const values = Object.fromEntries(Object.entries(pcrs).map(([pcr, value]) => [Number(pcr), String(value)]))
    const reference = referenceFor(BLUEPRINT, { $case: 'pcrs', value: { bank, values } }, 'The boot')
    return house.security.approveReferenceValue({ reference })
  }

  it('is enrolled, and its quote is accepted once its boot is approved; a withdrawn manufacturer ends that', async () => {
    const worker = await house.agent()
    expect(await attest(worker).catch((error) => error)).toMatchObject({ code: 'tpm_not_enrolled' })
    expect(await enrol(worker)).toMatchObject({ certified: true })
    const first = await attest(worker)
    expect(first).toMatchObject({ accepted: false, reasons: expect.arrayContaining(['tpm2-quote/pcrs_not_approved']) })
    await approveBoot(worker, first.position)
    const second = await attest(worker)
    expect(second).toMatchObject({ accepted: true, status: AttestationStatus.ATTESTATION_STATUS_AFFIRMING })

    const recorded = await events(worker.agentId)
    expect(recorded.map(({ type }) => type)).toEqual([
      'credence.attestation.tpm.challenged.v1',
      'credence.attestation.tpm.enrolled.v1',
    ])

    const other = await house.agent()
    const relayed = await attest(other, worker)
    // Nothing of it was enrolled by this agent, whoever the TPM is.
    expect(relayed).toMatchObject({ accepted: false, reasons: expect.arrayContaining(['tpm2-quote/tpm_not_enrolled']) })
    await enrol(other)
    const replayed = await attest(other, worker)
    expect(replayed.reasons).toContain('tpm2-quote/signature_invalid')

    const { agentId } = worker
    await house.security.withdrawTrustAnchor({ anchorId, reason: 'Its keys leaked' })
    const revoked = await until(
      () => house.security.getResult({ agentId, notBefore: [] }),
      (answer) => answer.revoked !== '',
    )
    expect(revoked.revoked).toBe('anchor_withdrawn')
    expect((await attest(worker)).reasons).toContain('tpm2-quote/anchor_unknown')
    const material = { $case: 'tpmManufacturer' as const, value: { pem: tpm.manufacturerPem } }
    anchorId = (await house.security.approveTrustAnchor({ anchor: anchorFor(['tpm2-quote'], material) })).anchorId
    // Who vouched for it is in the record: a new anchor counts after a new enrolment.
    expect((await attest(worker)).reasons).toContain('tpm2-quote/anchor_unknown')
    await enrol(worker)
    expect(await attest(worker)).toMatchObject({ accepted: true })
  })

  it('is refused at its enrolment with a code, and that is recorded', async () => {
    const worker = await house.agent()
    const wrong: EnrolOptions['service'] = {
      ...worker.client,
      completeTpmEnrolment: (request) => worker.client.completeTpmEnrolment({ ...request, secret: Buffer.alloc(32) }),
    }
    expect(await refusalOf(enrol(worker, { service: wrong }))).toEqual({
      status: 'failed_precondition',
      reason: 'credential_wrong',
    })
    const changed: EnrolOptions['service'] = {
      ...worker.client,
      beginTpmEnrolment: (request) => worker.client.beginTpmEnrolment({ ...request, endorsementCertificates: [] }),
    }
    expect(await refusalOf(enrol(worker, { service: changed }))).toMatchObject({ reason: 'endorsement_key_unknown' })
    const recorded = await events(worker.agentId)
    expect(recorded.map(({ type, data }) => [type.split('.')[3], 'reason' in data ? data.reason : undefined])).toEqual([
      ['challenged', undefined],
      ['refused', 'credential_wrong'],
      ['refused', 'endorsement_key_unknown'],
    ])
  })

  it('answers once, within its time, for itself and by its own key; on whichever replica', async () => {
    const [worker, other] = [await house.agent(), await house.agent()]
    const port = await house.replica()
    const elsewhere = worker.at(port)
    const seen: { enrolmentId: string; secret: Buffer }[] = []
    const service: EnrolOptions['service'] = {
      ...worker.client,
      completeTpmEnrolment: async (request) => {
        seen.push(request)
        const { agentId, enrolmentId, secret } = request
        expect(await refusalOf(other.client.completeTpmEnrolment(request))).toMatchObject({ reason: 'not_yourself' })
        const own = { agentId: other.agentId, enrolmentId, secret }
        expect(await refusalOf(other.client.completeTpmEnrolment(own))).toMatchObject({ reason: 'enrolment_unknown' })
        return elsewhere.completeTpmEnrolment({ agentId, enrolmentId, secret })
      },
    }
    await enrol(worker, { service })
    const [request] = seen
    if (!request) throw new Error('not asked')
    const again = { agentId: worker.agentId, ...request }
    expect(await refusalOf(worker.client.completeTpmEnrolment(again))).toMatchObject({ reason: 'enrolment_unknown' })
  })

  it('is taken away by a security operator, and by nobody else', async () => {
    const worker = await house.agent()
    await enrol(worker)
    const { agentId } = worker
    const request = { agentId, reason: 'The machine was sold' }
    expect(await refusalOf(worker.client.removeTpm(request))).toMatchObject({ status: 'permission_denied' })
    expect(await attest(worker)).toMatchObject({ accepted: true })
    await house.security.removeTpm(request)
    // What it showed counts no more, though it would still for a while.
    const { revoked } = await until(
      () => house.security.getResult({ agentId, notBefore: [] }),
      (answer) => answer.revoked !== '',
    )
    expect(revoked).toBe('tpm_removed')
    expect((await attest(worker)).reasons).toContain('tpm2-quote/tpm_not_enrolled')
    expect(await refusalOf(house.security.removeTpm(request))).toMatchObject({ reason: 'tpm_not_found' })
  })

  it('is enrolled by the command line', async () => {
    const at = join(folder, 'attester')
    const key = await openAgentKey(join(at, 'agent.pem'))
    const worker = await house.agent({}, key)
    const { ports, authority } = house.stack
    const config = join(at, 'attester.json')
    const told = {
      agent_id: worker.agentId,
      spiffe_id: worker.spiffeId,
      key_file: 'agent.pem',
      service: `localhost:${ports.attestationPublic}`,
      ca_file: authority.caFile,
      evidence: { 'tpm2-quote': { key_folder: 'keys', tcti: tpm.tcti, bank: 'sha256', pcrs: SELECTION.pcrs } },
    }
    writeFileSync(config, JSON.stringify(told))
    const enrolled = await credence('/nowhere.json', 'tpm', 'enrol', config, '--endorsement-key', 'p384')
    expect(enrolled).toEqual({ out: 'Enrolled. Its manufacturer vouches for the TPM.\n', error: '', code: 0 })
    expect((await events(worker.agentId)).map(({ type }) => type)).toContain('credence.attestation.tpm.enrolled.v1')
    // Another endorsement key is another TPM, as far as can be told.
    const again = await credence('/nowhere.json', 'tpm', 'enrol', config, '--endorsement-key', 'rsa2048')
    expect(again).toMatchObject({ code: 1, error: expect.stringContaining('tpm_enrolled_already') })
  })

  it('fields that are missing, or too long, are named', async () => {
    const worker = await house.agent()
    const bytes = Buffer.alloc(8)
    const request = {
      agentId: worker.agentId,
      endorsementPublic: bytes,
      endorsementCertificates: [],
      attestationPublic: bytes,
      creationData: bytes,
      creationAttest: bytes,
      creationSignature: bytes,
      notBefore: [worker.position],
    }
    const asked = (part: object) => refusalOf(worker.client.beginTpmEnrolment({ ...request, ...part }))
    expect(await asked({})).toMatchObject({ reason: 'evidence_malformed' })
    expect(await asked({ endorsementPublic: Buffer.alloc(0) })).toMatchObject({ field: 'endorsement_public' })
    expect(await asked({ creationAttest: Buffer.alloc(5_000) })).toMatchObject({ field: 'creation_attest' })
    expect(await asked({ endorsementCertificates: Array.from({ length: 6 }, () => bytes) })).toMatchObject({
      field: 'endorsement_certificates',
    })
  })
})
