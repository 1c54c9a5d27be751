/** A quote (TPM 2.0 Part 3 §18.4) by the enrolled key, and the registers that it is a digest of. */
import { readFile } from 'node:fs/promises'
import { ATTESTATION_KEY_TYPES, type AttestationKeyType, loadAttestationKey } from './attestation-key.ts'
import { registersIn, type Selection } from './registers.ts'
import { openTools, type Tcti } from './tools.ts'

export type { Selection }

export type Quoted = {
  /** TPMS_ATTEST. */
  attest: Buffer
  /** TPMT_SIGNATURE. */
  signature: Buffer
  /** By index, lower-case hexadecimal. */
  pcrs: Record<string, string>
}
export type Quoter = {
  /** @param qualifyingData what the TPM signs beside the registers */
  quote(selection: Selection, qualifyingData: Uint8Array): Promise<Quoted>
  close(): Promise<void>
}

/** One quote at a time. The key is loaded once, and again when the TPM has forgotten it (after a restart). */
export function createQuoter(options: { tcti: Tcti; folder: string }): Quoter {
  const opened = openTools(options.tcti)
  opened.catch(() => undefined)
  let loaded: AttestationKeyType | undefined
  let last: Promise<unknown> = Promise.resolve()

  async function once({ bank, pcrs }: Selection, qualifyingData: Uint8Array): Promise<Quoted> {
    const tools = await opened
    loaded ??= await loadAttestationKey(tools, options.folder)
    const { scheme, hash } = ATTESTATION_KEY_TYPES[loaded]
    const ascending = [...pcrs].toSorted((a, b) => a - b)
    const [message, signature, values] = [tools.file('quote'), tools.file('quote.sig'), tools.file('quote.pcrs')]
    const what = ['-l', `${bank}:${ascending.join(',')}`, '-q', Buffer.from(qualifyingData).toString('hex')]
    const output = ['-m', message, '-f', 'tss', '-s', signature, '-F', 'values', '-o', values]
    await tools.run('quote', '-Q', '-c', tools.file('ak.ctx'), '-g', hash, '--scheme', scheme, ...what, ...output)
    return {
      attest: await readFile(message),
      signature: await readFile(signature),
      pcrs: registersIn(await readFile(values), { bank, pcrs: ascending }),
    }
  }

  async function quote(selection: Selection, qualifyingData: Uint8Array): Promise<Quoted> {
    if (loaded === undefined) return once(selection, qualifyingData)
    try {
      return await once(selection, qualifyingData)
    } catch {
      // The context is of a TPM that was restarted since, or a register changed under the quote.
      loaded = undefined
      return once(selection, qualifyingData)
    }
  }

  return {
    quote: (selection, qualifyingData) => {
      const next = last.then(() => quote(selection, qualifyingData))
      last = next.catch(() => undefined)
      return next
    },
    close: async () => {
      await last
      await (await opened).close()
    },
  }
}
