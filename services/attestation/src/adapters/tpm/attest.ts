/** TPMS_ATTEST (TPM 2.0 Part 2 §10.12): what a TPM signs. Quotes and creations only. */
import { MOST_DIGEST, MOST_NAME } from './algorithms.ts'
import { type PcrSelection, readPcrSelections } from './pcr-selection.ts'
import { malformed, type Reader, reader, TpmFault } from './reader.ts'

export type Attest = {
  qualifiedSigner: Uint8Array
  extraData: Uint8Array
  /** Milliseconds that the TPM has run since it was last cleared. */
  clock: bigint
  resetCount: number
  restartCount: number
  /** No value of `clock` was ever reported twice (Part 1 §36.6). */
  safe: boolean
  firmwareVersion: bigint
}
export type Quote = Attest & { selection: PcrSelection[]; pcrDigest: Uint8Array }
export type Creation = Attest & { name: Uint8Array; creationHash: Uint8Array }

const GENERATED = 0xff544347
const QUOTE = 0x8018
const CREATION = 0x801a
/** TPM2B_DATA: no larger than the largest name. */
const MOST_DATA = MOST_NAME

/**
 * Parses a quote.
 * @throws TpmFault `attest_not_generated` (the magic number of what only a TPM makes is missing: CVE-2024-29038), `attest_wrong_type`
 * (it is of another kind: CVE-2024-29040), `evidence_malformed`
 */
export function parseQuote(bytes: Uint8Array): Quote {
  const read = reader(bytes, 'quote')
  const attest = readAttest(read, QUOTE, 'quote')
  const selection = readPcrSelections(read, 'quote')
  const pcrDigest = read.sized(MOST_DIGEST)
  read.end()
  return { ...attest, selection, pcrDigest }
}

/** Parses the certification of an object’s creation. @throws TpmFault as `parseQuote` */
export function parseCreation(bytes: Uint8Array): Creation {
  const read = reader(bytes, 'creation attestation')
  const attest = readAttest(read, CREATION, 'creation attestation')
  const name = read.sized(MOST_NAME)
  const creationHash = read.sized(MOST_DIGEST)
  read.end()
  return { ...attest, name, creationHash }
}

function readAttest(read: Reader, type: number, what: string): Attest {
  if (read.u32() !== GENERATED) throw new TpmFault('attest_not_generated', `${what}: it was not made by a TPM`)
  if (read.u16() !== type) throw new TpmFault('attest_wrong_type', `${what}: it attests something else`)
  const qualifiedSigner = read.sized(MOST_NAME)
  const extraData = read.sized(MOST_DATA)
  const clock = read.u64()
  const resetCount = read.u32()
  const restartCount = read.u32()
  const safe = read.u8()
  if (safe > 1) throw malformed(what, 'a flag is neither yes nor no')
  const firmwareVersion = read.u64()
  return { qualifiedSigner, extraData, clock, resetCount, restartCount, safe: safe === 1, firmwareVersion }
}
