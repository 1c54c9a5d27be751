/** Recorded enrolments and quotes (README.md). */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Anchor } from '@credence/contracts/attestation/trust'
import type { EnrolmentEvidence } from '../../api/tpm-enrolment.ts'
import type { Enrolled } from '../../domain/tpm.ts'
import type { TestAgent } from '../tpm.ts'

export const RECORDED = [
  'rsa2048-rsassa-sha256',
  'rsa2048-rsapss-sha256',
  'p256-ecdsa-sha256',
  'rsa3072-rsassa-sha384',
  'p384-ecdsa-sha384',
] as const
export type RecordedName = (typeof RECORDED)[number]

export type Recorded = {
  made: string
  agent: TestAgent
  anchor: Anchor
  selection: { bank: 'sha256' | 'sha384'; pcrs: number[] }
  /** What the agent sent to enrol, base64. */
  enrolment: { [K in keyof EnrolmentEvidence]: EnrolmentEvidence[K] extends Uint8Array ? string : string[] }
  record: Enrolled
  /** The piece of evidence. */
  content: { attest: string; signature: string; pcrs: Record<string, string>; event_log: string }
}

export const recordedIn = (name: RecordedName): string => fileURLToPath(new URL(`./${name}.json`, import.meta.url))

export const recorded = (name: RecordedName): Recorded => JSON.parse(readFileSync(recordedIn(name), 'utf8'))

export const evidenceOf = ({ enrolment }: Recorded): EnrolmentEvidence => ({
  endorsementPublic: bytes(enrolment.endorsementPublic),
  endorsementCertificates: enrolment.endorsementCertificates.map(bytes),
  attestationPublic: bytes(enrolment.attestationPublic),
  creationData: bytes(enrolment.creationData),
  creationAttest: bytes(enrolment.creationAttest),
  creationSignature: bytes(enrolment.creationSignature),
})

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'))
