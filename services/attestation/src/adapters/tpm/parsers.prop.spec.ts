/** Whatever bytes come: a parser answers, or refuses with its own fault; and nothing that is cut off, or goes on, is read. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evidenceOf, RECORDED, recorded } from '../../testing/tpm2-quotes/recorded.ts'
import { parseQuoteContent } from '../verifiers/tpm2-quote/content.ts'
import { parseCreation, parseQuote } from './attest.ts'
import { readCertificate } from './certificate.ts'
import { parseCreationData, unwrapCreationData } from './creation-data.ts'
import { parseEventLog, replayEventLog } from './event-log.ts'
import { parseSizedPublicArea } from './public-area.ts'
import { TpmFault } from './reader.ts'
import { parseSignature } from './signature.ts'

const bytes = (text: string, encoding: BufferEncoding = 'base64url') => new Uint8Array(Buffer.from(text, encoding))
const all = RECORDED.map(recorded)
const creationData = (content: Uint8Array) => parseCreationData(unwrapCreationData(content))
const replayed = (content: Uint8Array) => {
  const events = parseEventLog(content)
  replayEventLog(events, 'sha256')
  return events
}

const parsers: [name: string, parse: (content: Uint8Array) => unknown, genuine: Uint8Array[]][] = [
  ['parseQuote', parseQuote, all.map(({ content }) => bytes(content.attest))],
  ['parseCreation', parseCreation, all.map((one) => evidenceOf(one).creationAttest)],
  ['parseSignature', parseSignature, all.map(({ content }) => bytes(content.signature))],
  [
    'parseSizedPublicArea',
    parseSizedPublicArea,
    all.flatMap((one) => [evidenceOf(one).attestationPublic, evidenceOf(one).endorsementPublic]),
  ],
  ['parseCreationData', creationData, all.map((one) => evidenceOf(one).creationData)],
  ['parseEventLog', replayed, all.map(({ content }) => bytes(content.event_log))],
  ['readCertificate', readCertificate, all.flatMap((one) => [...evidenceOf(one).endorsementCertificates])],
  ['parseQuoteContent', parseQuoteContent, all.map(({ content }) => new TextEncoder().encode(JSON.stringify(content)))],
]

/** Undefined: it was read. @throws whatever is no fault of the parser’s own */
function faultOf(parse: (content: Uint8Array) => unknown, content: Uint8Array): string | undefined {
  try {
    parse(content)
    return undefined
  } catch (error) {
    if (error instanceof TpmFault) return error.code
    throw error
  }
}

describe.each(parsers)('%s', (name, parse, genuine) => {
  const one = fc.constantFrom(...genuine)

  it('reads what is genuine', () => {
    for (const content of genuine) expect(faultOf(parse, content)).toBeUndefined()
  })

  it('refuses whatever is cut off', () => {
    for (const content of genuine)
      for (let length = 0; length < content.byteLength; length += name === 'readCertificate' ? 7 : 1) {
        const fault = faultOf(parse, content.subarray(0, length))
        // A log may end behind any of its events.
        if (name !== 'parseEventLog') expect(fault, `${length}`).toBeDefined()
      }
  })

  it('refuses what goes on behind its end', () => {
    // Certificates in a TPM are padded: what is behind them is not read.
    if (name === 'readCertificate') return
    fc.assert(
      fc.property(one, fc.uint8Array({ minLength: 1, maxLength: 8 }), (content, more) => {
        // Space behind JSON is JSON (RFC 8259 §2).
        fc.pre(name !== 'parseQuoteContent' || !more.every((byte) => [9, 10, 13, 32].includes(byte)))
        expect(faultOf(parse, Buffer.concat([content, more]))).toBeDefined()
      }),
    )
  })

  it('never breaks: changed in some bytes', () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))
    fc.assert(
      fc.property(one, fc.array(change, { minLength: 1, maxLength: 6 }), (content, changes) => {
        const changed = Uint8Array.from(content)
        for (const [at, value] of changes) changed[at % changed.byteLength] = value
        faultOf(parse, changed)
      }),
      { numRuns: 2_000 },
    )
  })

  it('never breaks: whatever bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (content) => {
        expect(faultOf(parse, content)).toBeDefined()
      }),
      { numRuns: 2_000 },
    )
  })
})
