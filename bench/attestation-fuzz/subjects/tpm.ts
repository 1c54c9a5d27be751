/** Structures of TPM 2.0 and TCG, quotes, and enrolment: by what a TPM made (services/attestation/src/testing/tpm2-quotes). */
import { parseCreation, parseQuote } from '../../../services/attestation/src/adapters/tpm/attest.ts'
import { readCertificate } from '../../../services/attestation/src/adapters/tpm/certificate.ts'
import { parseCreationData, unwrapCreationData } from '../../../services/attestation/src/adapters/tpm/creation-data.ts'
import { tpmEnroller } from '../../../services/attestation/src/adapters/tpm/enroller.ts'
import { parseEventLog, replayEventLog } from '../../../services/attestation/src/adapters/tpm/event-log.ts'
import { parseSizedPublicArea, publicKeyOf } from '../../../services/attestation/src/adapters/tpm/public-area.ts'
import { parseSignature } from '../../../services/attestation/src/adapters/tpm/signature.ts'
import { parseQuoteContent } from '../../../services/attestation/src/adapters/verifiers/tpm2-quote/content.ts'
import { tpm2QuoteVerifier } from '../../../services/attestation/src/adapters/verifiers/tpm2-quote/tpm2-quote.ts'
import { tpm2Quote } from '../../../services/attestation/src/domain/kinds/tpm2-quote.ts'
import { AUDIENCE, about, requirement } from '../../../services/attestation/src/testing/tpm.ts'
import {
  evidenceOf,
  RECORDED,
  type Recorded,
  recorded,
} from '../../../services/attestation/src/testing/tpm2-quotes/recorded.ts'
import { type Genuine, part, plain } from '../genuine.ts'
import { orFault, type Subject, verified } from '../subject.ts'

const all = RECORDED.map(recorded)
const bytes = (text: string) => Buffer.from(text, 'base64url')

const parser = (name: string, genuine: Genuine[], parse: (input: Buffer) => unknown, share = 1): Subject => ({
  name: `tpm: ${name}`,
  share,
  genuine,
  signed: false,
  judge: (input) => orFault(() => parse(input)),
})

const quoteOf = ({ content }: Recorded): Genuine => ({
  parts: [
    part(bytes(content.attest), 'bytes'),
    part(bytes(content.signature), 'bytes'),
    part(bytes(content.event_log), 'bytes'),
    part(JSON.stringify(content.pcrs), 'json'),
  ],
  whole: ([attest, signature, log, pcrs]) => {
    const text = (part: Buffer | undefined) => JSON.stringify(part?.toString('base64url'))
    const members = `"attest":${text(attest)},"signature":${text(signature)},"event_log":${text(log)}`
    return Buffer.from(`{${members},"pcrs":${pcrs}}`)
  },
})

/** Each by its own agent; parts of the others are mixed in. */
function quote(one: Recorded): Subject {
  const verifier = tpm2QuoteVerifier()
  const told = about(one.agent, one.record, [one.anchor], {
    now: new Date(one.made),
    requirements: [requirement(one.selection)],
  })
  return {
    name: `tpm2-quote of ${one.record.ak_public.length > 300 ? 'RSA' : 'ECC'}, ${one.selection.pcrs.length} registers, ${one.selection.bank}`,
    share: 1,
    genuine: [quoteOf(one)],
    donors: all.map(quoteOf),
    signed: true,
    // Nobody signs a log; what it leads to is signed.
    judge: async (input) => verified(await verifier.verify(input, told), ['event_log_digest']),
    reasons: tpm2Quote.reasons,
  }
}

const PARTS = ['endorsementPublic', 'attestationPublic', 'creationData', 'creationAttest', 'creationSignature'] as const

function enrolmentOf(one: Recorded): Genuine {
  const evidence = evidenceOf(one)
  return {
    parts: [
      ...PARTS.map((name) => part(evidence[name], 'bytes')),
      ...evidence.endorsementCertificates.map((der) => part(der, 'der')),
    ],
    whole: (parts) => Buffer.from(JSON.stringify(parts.map((bytes) => bytes.toString('base64')))),
  }
}

/** A gRPC request holds the parts; here they stand in a list. */
function enrolment(one: Recorded): Subject {
  const told = { agent: one.agent, audience: AUDIENCE, anchors: [one.anchor], now: new Date(one.made) }
  return {
    name: `tpm: enrolment with ${one.enrolment.endorsementPublic.length > 300 ? 'RSA' : 'ECC'}`,
    share: 0.7,
    genuine: [enrolmentOf(one)],
    donors: all.map(enrolmentOf),
    signed: true,
    judge: (input) => {
      const parts = partsIn(input)
      const named = Object.fromEntries(PARTS.map((name, at) => [name, parts[at] ?? Buffer.alloc(0)]))
      const evidence = { ...named, endorsementCertificates: parts.slice(PARTS.length) } as never
      const prepared = tpmEnroller.prepare(evidence, told)
      if ('refused' in prepared) return { refused: prepared.refused }
      const { secret_digest: _, ...record } = prepared.record
      return { said: record }
    },
  }
}

function partsIn(input: Buffer): Buffer[] {
  try {
    return (JSON.parse(input.toString()) as unknown[]).map((text) => Buffer.from(String(text), 'base64'))
  } catch {
    return [input, input, input]
  }
}

export const tpmSubjects = (): Subject[] => [
  parser(
    'quote',
    all.map(({ content }) => plain(bytes(content.attest), 'bytes')),
    parseQuote,
    2,
  ),
  parser(
    'creation',
    all.map((one) => plain(evidenceOf(one).creationAttest, 'bytes')),
    parseCreation,
    2,
  ),
  parser(
    'signature',
    all.map(({ content }) => plain(bytes(content.signature), 'bytes')),
    parseSignature,
    2,
  ),
  parser(
    'public area',
    all
      .flatMap((one) => [evidenceOf(one).attestationPublic, evidenceOf(one).endorsementPublic])
      .map((one) => plain(one, 'bytes')),
    (input) => publicKeyOf(parseSizedPublicArea(input)).asymmetricKeyType,
    2,
  ),
  parser(
    'creation data',
    all.map((one) => plain(evidenceOf(one).creationData, 'bytes')),
    (input) => parseCreationData(unwrapCreationData(input)),
    2,
  ),
  parser(
    'event log',
    all.map(({ content }) => plain(bytes(content.event_log), 'bytes')),
    (input) => replayEventLog(parseEventLog(input), 'sha256'),
    2,
  ),
  parser('quote content', all.map(quoteOf), parseQuoteContent, 2),
  parser(
    'certificate',
    all.flatMap((one) => evidenceOf(one).endorsementCertificates.map((der) => plain(der, 'der'))),
    readCertificate,
  ),
  ...all.slice(0, 3).map(quote),
  quote(all[4] as Recorded),
  enrolment(all[0] as Recorded),
  enrolment(all[4] as Recorded),
]
