/** What an operator asks of a TPM before it is approved: its registers, and the digest of its endorsement key. */
import { createHash, createPublicKey } from 'node:crypto'
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

/** SHA-256 of the endorsement key (SubjectPublicKeyInfo, DER): what a trust anchor lists it by. */
export const endorsementDigest = (tcti: Tcti, type: EndorsementKeyType): Promise<string> =>
  using(tcti, async (tools) => {
    const { context } = await endorsementKey(tools, type)
    const file = tools.file('ek.pem')
    await tools.run('readpublic', '-Q', '-c', context, '-f', 'pem', '-o', file)
    const der = createPublicKey(await readFile(file)).export({ type: 'spki', format: 'der' })
    return createHash('sha256').update(der).digest('hex')
  })

async function using<T>(tcti: Tcti, work: (tools: Tools) => Promise<T>): Promise<T> {
  const tools = await openTools(tcti)
  try {
    return await work(tools)
  } finally {
    await tools.close()
  }
}
