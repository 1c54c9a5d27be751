/** Records enrolments and quotes of a TPM in software, for tests that run where there is none (README.md beside this file). */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTpm2Quote } from '@credence/attester/evidence/tpm2-quote'
import type { AttestationKeyType } from '@credence/attester/tpm/attestation-key'
import type { EndorsementKeyType } from '@credence/attester/tpm/endorsement-key'
import { enrolTpm } from '@credence/attester/tpm/enrol'
import { createQuoter } from '@credence/attester/tpm/quote'
import type { BeginTpmEnrolmentRequest } from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { AUDIENCE, bindingOf, enrolmentService, manufacturer, NONCE, newAgent } from '../tpm.ts'
import { type Recorded, recordedIn } from './recorded.ts'

const ALL = [0, 1, 2, 3, 4, 5, 6, 7]
const WANTED: {
  key: AttestationKeyType
  endorsement: EndorsementKeyType
  bank: 'sha256' | 'sha384'
  pcrs: number[]
}[] = [
  { key: 'rsa2048-rsassa-sha256', endorsement: 'rsa2048', bank: 'sha256', pcrs: ALL },
  { key: 'rsa2048-rsapss-sha256', endorsement: 'rsa2048', bank: 'sha256', pcrs: [0, 4, 7] },
  { key: 'p256-ecdsa-sha256', endorsement: 'rsa2048', bank: 'sha256', pcrs: ALL },
  // The digest of such a quote is as long as the signature’s hash, not as the bank’s.
  { key: 'rsa3072-rsassa-sha384', endorsement: 'p384', bank: 'sha256', pcrs: ALL },
  { key: 'p384-ecdsa-sha384', endorsement: 'p384', bank: 'sha384', pcrs: ALL },
]

/** Writes one file for each kind of key. */
export async function record(tpm: { tcti: string; manufacturerPem: string; eventLog: string }): Promise<void> {
  for (const wanted of WANTED) {
    const folder = await mkdtemp(join(tmpdir(), 'credence-record-'))
    await writeFile(recordedIn(wanted.key), `${JSON.stringify(await one(tpm, wanted, folder), null, 1)}\n`)
    await rm(folder, { recursive: true })
  }
}

async function one(
  tpm: { tcti: string; manufacturerPem: string; eventLog: string },
  { key, endorsement, bank, pcrs }: (typeof WANTED)[number],
  folder: string,
): Promise<Recorded> {
  const { tcti } = tpm
  const agent = newAgent()
  const anchor = manufacturer(tpm.manufacturerPem)
  const service = enrolmentService(agent, [anchor])
  let request: BeginTpmEnrolmentRequest | undefined
  const overheard = {
    ...service,
    beginTpmEnrolment: (asked: BeginTpmEnrolmentRequest) => {
      request = asked
      return service.beginTpmEnrolment(asked)
    },
  }
  const identity = { agentId: agent.agent, spiffeId: agent.spiffeId, keyThumbprint: agent.keyThumbprint }
  const keys = { attestationKey: key, endorsementKey: endorsement }
  await enrolTpm({ tcti, folder, ...keys, agent: identity, audience: AUDIENCE, service: overheard })
  const quoter = createQuoter({ tcti, folder })
  const produce = createTpm2Quote({ quoter, selection: { bank, pcrs }, eventLog: tpm.eventLog })
  const now = new Date()
  const { content } = await produce({ nonce: NONCE, binding: bindingOf(agent), now })
  await quoter.close()
  if (!request || !service.state.enrolled) throw new Error('not enrolled')
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  return {
    made: now.toISOString(),
    agent,
    anchor,
    selection: { bank, pcrs },
    enrolment: {
      endorsementPublic: base64(request.endorsementPublic),
      endorsementCertificates: request.endorsementCertificates.map(base64),
      attestationPublic: base64(request.attestationPublic),
      creationData: base64(request.creationData),
      creationAttest: base64(request.creationAttest),
      creationSignature: base64(request.creationSignature),
    },
    record: service.state.enrolled,
    content: JSON.parse(Buffer.from(content).toString('utf8')),
  }
}
