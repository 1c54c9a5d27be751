/** What an operator asks of a TPM before it is approved: its registers, and the digest of its endorsement key. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type EndorsementKeyType, endorsementKey } from './endorsement-key.ts'
import { registersIn, type Selection } from './registers.ts'
import { openTools, type Tcti, type Tools } from './tools.ts'

/** Registers as they are now, by index, lower-case hexadecimal. Nobody signs them: a quote does. */
export const readRegisters = (tcti: Tcti, selection: Selection): Promise<Record<string, string>> =>
  using(tcti, async (tools) => {
    const ascending = [...selection.pcrs].toSorted((a, b) => a - b)
    const file = tools.file('registers')
    await tools.run('pcrread', '-Q', '-F', 'values', '-o', file, `${selection.bank}:${ascending.join(',')}`)
    return registersIn(await readFile(file), { ...selection, pcrs: ascending })
  })

/** SHA-256 of the public area (TPMT_PUBLIC) of the endorsement key: what a trust anchor lists it by. */
export const endorsementDigest = (tcti: Tcti, type: EndorsementKeyType): Promise<string> =>
  using(tcti, async (tools) => {
    const { public: sized } = await endorsementKey(tools, type)
    // Behind the two bytes of its length.
    return createHash('sha256').update(sized.subarray(2)).digest('hex')
  })

async function using<T>(tcti: Tcti, work: (tools: Tools) => Promise<T>): Promise<T> {
  const tools = await openTools(tcti)
  try {
    return await work(tools)
  } finally {
    await tools.close()
  }
}
