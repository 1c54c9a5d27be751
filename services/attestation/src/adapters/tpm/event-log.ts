/**
 * The crypto-agile event log of the TCG PC Client Platform Firmware Profile (§10): what firmware and boot loaders measured.
 * Nobody signs it: it says something only where it replays to the registers of a quote, and even then only of digests.
 */
import { createHash } from 'node:crypto'
import type { Bank } from './algorithms.ts'
import { BANKS, PCRS } from './pcr-selection.ts'
import { malformed, type Reader, reader } from './reader.ts'

export type MeasuredEvent = {
  pcr: number
  type: number
  /** TPM number of the hash → digest. */
  digests: Map<number, Uint8Array>
  /** What the digest is said to be of. Not evidence: only the digest is replayed. */
  event: Uint8Array
}

const WHAT = 'event log'
const NO_ACTION = 3
const SPEC_ID = 'Spec ID Event03\0'
const STARTUP_LOCALITY = 'StartupLocality\0'
const SHA1_BYTES = 20
const MOST_ALGORITHMS = 8
const MOST_DIGEST_BYTES = 64
/** Registers of a dynamic launch: they begin otherwise, and its log is another. */
const DYNAMIC_FIRST = 17
const DYNAMIC_LAST = 22

/**
 * Parses a whole log.
 * @throws TpmFault `evidence_malformed`: not crypto-agile, cut off, an event without a digest of each named algorithm, an
 * unknown register
 */
export function parseEventLog(bytes: Uint8Array): MeasuredEvent[] {
  const read = reader(bytes, WHAT, true)
  const sizes = specId(read)
  const events: MeasuredEvent[] = []
  while (read.left() > 0) {
    const pcr = read.u32()
    const type = read.u32()
    const digests = digestsOf(read, sizes)
    const event = read.bytes(read.u32())
    // Notes that are extended into nothing may name no register at all.
    if (pcr >= PCRS && type !== NO_ACTION) throw malformed(WHAT, 'an event names no register that there is')
    events.push({ pcr, type, digests, event })
  }
  return events
}

/** The first event (TCG_EfiSpecIDEvent, §10.4.5.1), still in the old form: which algorithms, how long each digest is. */
function specId(read: Reader): Map<number, number> {
  const pcr = read.u32()
  const type = read.u32()
  read.bytes(SHA1_BYTES)
  const inner = reader(read.bytes(read.u32()), WHAT, true)
  if (pcr !== 0 || type !== NO_ACTION || latin(inner.bytes(SPEC_ID.length)) !== SPEC_ID)
    throw malformed(WHAT, 'it is not a crypto-agile one')
  inner.bytes(8) // platformClass, version, errata, uintnSize
  const count = inner.u32()
  if (count === 0 || count > MOST_ALGORITHMS) throw malformed(WHAT, 'it names no algorithms, or too many')
  const sizes = new Map<number, number>()
  for (let index = 0; index < count; index++) {
    const id = inner.u16()
    const size = inner.u16()
    if (sizes.has(id) || size === 0 || size > MOST_DIGEST_BYTES) throw malformed(WHAT, 'an algorithm is misdescribed')
    sizes.set(id, size)
  }
  inner.bytes(inner.u8()) // vendorInfo
  inner.end()
  return sizes
}

function digestsOf(read: Reader, sizes: Map<number, number>): Map<number, Uint8Array> {
  const count = read.u32()
  if (count !== sizes.size) throw malformed(WHAT, 'an event has not one digest of each algorithm')
  const digests = new Map<number, Uint8Array>()
  for (let index = 0; index < count; index++) {
    const id = read.u16()
    const size = sizes.get(id)
    if (size === undefined || digests.has(id)) throw malformed(WHAT, 'an event has not one digest of each algorithm')
    digests.set(id, read.bytes(size))
  }
  return digests
}

/**
 * The registers of a bank after these events, for those that any event extends (§3.3.2; register 0 begins with the locality
 * of the startup, §10.4.5.3).
 * @throws TpmFault when the log has no digests of this bank
 */
export function replayEventLog(events: readonly MeasuredEvent[], bank: Bank): Map<number, Uint8Array> {
  const values = new Map<number, Uint8Array>()
  let locality = 0
  for (const { pcr, type, digests, event } of events) {
    if (type === NO_ACTION) {
      if (pcr === 0 && isStartupLocality(event)) {
        if (values.has(0)) throw malformed(WHAT, 'the locality of the startup comes after what it changes')
        locality = event.at(-1) ?? 0
      }
      continue
    }
    if (pcr >= DYNAMIC_FIRST && pcr <= DYNAMIC_LAST) continue
    const digest = digests.get(BANKS[bank])
    if (!digest) throw malformed(WHAT, 'it has no digests of the bank that is quoted')
    const before = values.get(pcr) ?? initial(digest.byteLength, pcr === 0 ? locality : 0)
    values.set(pcr, createHash(bank).update(before).update(digest).digest())
  }
  return values
}

const isStartupLocality = (event: Uint8Array): boolean =>
  event.byteLength === STARTUP_LOCALITY.length + 1 &&
  latin(event.subarray(0, STARTUP_LOCALITY.length)) === STARTUP_LOCALITY

function initial(length: number, locality: number): Uint8Array {
  const zeros = new Uint8Array(length)
  zeros[length - 1] = locality
  return zeros
}

const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
