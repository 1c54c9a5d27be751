/** Whether the registers that were sent are those that the quote is a digest of, and whether a log leads to them. */
import { createHash } from 'node:crypto'
import { type Bank, DIGEST_BYTES, type HashName } from '../../tpm/algorithms.ts'
import { same } from '../../tpm/attestation-key.ts'
import { parseEventLog, replayEventLog } from '../../tpm/event-log.ts'
import { malformed, TpmFault } from '../../tpm/reader.ts'

/** The registers of a selection, exactly, each as long as its bank’s digests. @throws TpmFault `evidence_malformed` */
export function registersOf(
  pcrs: Record<string, string>,
  selection: readonly number[],
  bank: Bank,
): Map<number, Buffer> {
  const values = new Map(Object.entries(pcrs).map(([pcr, hex]) => [Number(pcr), Buffer.from(hex, 'hex')]))
  const fits = ([pcr, value]: [number, Buffer]) => selection.includes(pcr) && value.byteLength === DIGEST_BYTES[bank]
  if (values.size !== selection.length || ![...values].every(fits))
    throw malformed('quote', 'its registers are not those that it selects')
  return values
}

/**
 * The digest of a quote: over the values in ascending order, by the hash of the signature and not of the bank (TPM 2.0 Part 3
 * §18.4).
 */
export function digestOf(values: ReadonlyMap<number, Uint8Array>, hash: HashName): Buffer {
  const digest = createHash(hash)
  for (const pcr of [...values.keys()].toSorted((a, b) => a - b)) digest.update(values.get(pcr) ?? new Uint8Array())
  return digest.digest()
}

/** @throws TpmFault `event_log_mismatch`: a register that the log extends holds something else */
export function refuseUnlessReplays(eventLog: Uint8Array, values: ReadonlyMap<number, Uint8Array>, bank: Bank): void {
  const replayed = replayEventLog(parseEventLog(eventLog), bank)
  let shared = 0
  for (const [pcr, value] of values) {
    const wanted = replayed.get(pcr)
    if (wanted && !same(wanted, value))
      throw new TpmFault('event_log_mismatch', `event log: PCR ${pcr} holds something else`)
    if (wanted) shared++
  }
  if (shared === 0) throw new TpmFault('event_log_mismatch', 'event log: it leads to none of the quoted registers')
}
