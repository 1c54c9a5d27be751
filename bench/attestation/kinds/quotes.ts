/** Quotes that a TPM made (swtpm; recorded with what was enrolled), checked at the moment at which they were made. */
import { verify } from 'node:crypto'
import { parsePublicArea, publicKeyOf } from '../../../services/attestation/src/adapters/tpm/public-area.ts'
import { parseSignature } from '../../../services/attestation/src/adapters/tpm/signature.ts'
import { tpm2QuoteVerifier } from '../../../services/attestation/src/adapters/verifiers/tpm2-quote/tpm2-quote.ts'
import { about, requirement } from '../../../services/attestation/src/testing/tpm.ts'
import { type RecordedName, recorded } from '../../../services/attestation/src/testing/tpm2-quotes/recorded.ts'
import { type Subject, took } from './kind.ts'

export const quoteSubjects = (): Subject[] => [
  quoteSubject('tpm2_quote_p256', 'p256-ecdsa-sha256', 'ECDSA P-256, SHA-256'),
  quoteSubject('tpm2_quote_rsa2048', 'rsa2048-rsassa-sha256', 'RSASSA-PKCS1-v1_5 2048, SHA-256'),
]

/** With the firmware’s event log, which is replayed: most of what a quote costs. */
function quoteSubject(name: string, of: RecordedName, algorithm: string): Subject {
  const one = recorded(of)
  const content = Buffer.from(JSON.stringify(one.content))
  const told = about(one.agent, one.record, [one.anchor], {
    now: new Date(one.made),
    requirements: [requirement(one.selection)],
  })
  const verifier = tpm2QuoteVerifier()
  const key = publicKeyOf(parsePublicArea(Buffer.from(one.record.ak_public, 'base64url')))
  const data = Buffer.from(one.content.attest, 'base64url')
  const signed = parseSignature(Buffer.from(one.content.signature, 'base64url'))
  const signature = 'r' in signed ? Buffer.concat([scalar(signed.r), scalar(signed.s)]) : signed.signature
  return {
    name,
    algorithm,
    verify: async () => took(await verifier.verify(content, told)),
    bare: () => verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature),
  }
}

const scalar = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.alloc(32 - bytes.byteLength), bytes])
