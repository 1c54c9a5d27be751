/** The endorsement key of a TPM and its certificate, where TCG says that they are (TCG EK Credential Profile §2.2.1). */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { ProducerError } from '../producer.ts'
import type { Tools } from './tools.ts'

/** Of the templates L-1, L-2 and H-3. */
export const ENDORSEMENT_KEY_TYPES = ['rsa2048', 'p256', 'p384'] as const
export type EndorsementKeyType = (typeof ENDORSEMENT_KEY_TYPES)[number]

export type EndorsementKey = {
  /** Handle or context file. */
  context: string
  /** TPM2B_PUBLIC. */
  public: Buffer
  /** DER, the key’s own first; empty when the TPM holds none and none was given. */
  certificates: Buffer[]
  /** Whether it is used under the policy of the endorsement hierarchy, and not by its own (empty) password. */
  policy: boolean
}

const PLACES: Record<EndorsementKeyType, { handle: string; certificate: string; template?: string }> = {
  rsa2048: { handle: '0x81010001', certificate: '0x01c00002', template: 'rsa' },
  p256: { handle: '0x81010002', certificate: '0x01c0000a', template: 'ecc' },
  p384: { handle: '0x81010016', certificate: '0x01c00016' },
}

const USER_WITH_AUTH = 1 << 6
/** Behind size, type and name algorithm of a TPM2B_PUBLIC. */
const ATTRIBUTES_AT = 6

/**
 * @param chainFile PEM, the key’s own certificate first; undefined: the one in the TPM
 * @throws ProducerError `endorsement_key_missing`, and those of the tools
 */
export async function endorsementKey(
  tools: Tools,
  type: EndorsementKeyType,
  chainFile?: string,
): Promise<EndorsementKey> {
  const { handle, certificate, template } = PLACES[type]
  const file = tools.file('ek.pub')
  const kept = await tools.run('readpublic', '-Q', '-c', handle, '-o', file).catch(() => undefined)
  if (!kept && !template)
    throw new ProducerError('endorsement_key_missing', `The TPM keeps no endorsement key of type ${type} at ${handle}.`)
  const context = kept ? handle : tools.file('ek.ctx')
  if (!kept) await tools.run('createek', '-Q', '-G', String(template), '-c', context, '-u', file)
  const found = await readFile(file)
  const certificates = chainFile ? chain(await readFile(chainFile, 'utf8')) : await certificateAt(tools, certificate)
  return { context, public: found, certificates, policy: (found.readUInt32BE(ATTRIBUTES_AT) & USER_WITH_AUTH) === 0 }
}

const chain = (pem: string): Buffer[] =>
  (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (one) => new X509Certificate(one).raw,
  )

async function certificateAt(tools: Tools, index: string): Promise<Buffer[]> {
  const der = tools.file('ek.der')
  const there = await tools.run('nvread', '-Q', '-C', index, '-o', der, index).catch(() => undefined)
  // The area may be larger than the certificate: what Node read of it is the certificate.
  return there ? [new X509Certificate(await readFile(der)).raw] : []
}
