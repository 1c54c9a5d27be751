/** Evidence of the kind `tpm2-quote`: the TPM’s signature over the registers and this challenge. */
import { readFile } from 'node:fs/promises'
import type { Producer } from '../producer.ts'
import { ProducerError } from '../producer.ts'
import type { Quoter, Selection } from '../tpm/quote.ts'

/** Where Linux shows what the firmware measured. */
export const FIRMWARE_EVENT_LOG = '/sys/kernel/security/tpm0/binary_bios_measurements'
const MOST_EVENT_LOG = 600_000

/**
 * @param options.selection what the profile asks for, exactly
 * @param options.eventLog file to send along; undefined: none
 */
export const createTpm2Quote =
  (options: { quoter: Quoter; selection: Selection; eventLog?: string }): Producer =>
  async ({ binding }) => {
    const { attest, signature, pcrs } = await options.quoter.quote(options.selection, binding)
    const log = options.eventLog === undefined ? {} : { event_log: await eventLog(options.eventLog) }
    const content = {
      attest: attest.toString('base64url'),
      signature: signature.toString('base64url'),
      pcrs,
      ...log,
    }
    return { kind: 'tpm2-quote', content: Buffer.from(JSON.stringify(content)) }
  }

async function eventLog(path: string): Promise<string> {
  const log = await readFile(path).catch((error: Error) => {
    throw new ProducerError('event_log_unreadable', `The event log ${path} cannot be read.`, { cause: error })
  })
  if (log.byteLength > MOST_EVENT_LOG)
    throw new ProducerError('event_log_too_large', `The event log is larger than ${MOST_EVENT_LOG} bytes.`)
  return log.toString('base64url')
}
