/** Keys in software that sign whatever they are given in TPM structures: what an attacker has, and a TPM never does. */
import { constants, createHash, generateKeyPairSync, hash, sign } from 'node:crypto'
import { newId } from '@credence/shared/ids'
import { ATTRIBUTE, nameOf, qualifiedNameOf } from '../adapters/tpm/public-area.ts'
import { wrap } from '../adapters/tpm/reader.ts'
import type { Enrolled } from '../domain/tpm.ts'
import type { TestAgent } from './tpm.ts'

export const u8 = (value: number) => Buffer.from([value])
export const u16 = (value: number) => {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}
export const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
export const u64 = (value: bigint) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}

export const ATTESTING =
  ATTRIBUTE.fixedTpm |
  ATTRIBUTE.fixedParent |
  ATTRIBUTE.sensitiveDataOrigin |
  ATTRIBUTE.userWithAuth |
  ATTRIBUTE.restricted |
  ATTRIBUTE.sign

const HASH = { sha1: 0x0004, sha256: 0x000b, sha384: 0x000c } as const
const SCHEME = { rsassa: 0x0014, rsapss: 0x0016, ecdsa: 0x0018 } as const
type HashName = keyof typeof HASH

export type KeyOptions = {
  type?: 'rsa' | 'ecc'
  bits?: number
  attributes?: number
  scheme?: keyof typeof SCHEME
  hash?: HashName
}

/** A key and its TPMT_PUBLIC. */
export function forgedKey({ type = 'ecc', bits = 2048, attributes = ATTESTING, ...options }: KeyOptions = {}) {
  const { scheme = type === 'ecc' ? 'ecdsa' : 'rsassa', hash: hashName = 'sha256' } = options
  const pair =
    type === 'ecc'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: bits })
  const { x = '', y = '', n = '' } = pair.publicKey.export({ format: 'jwk' })
  const number = (text: string) => wrap(Buffer.from(text, 'base64url'))
  const head = [u16(type === 'ecc' ? 0x23 : 1), u16(HASH.sha256), u32(attributes), u16(0), u16(0x10)]
  const signing = [u16(SCHEME[scheme]), u16(HASH[hashName])]
  const tail = type === 'ecc' ? [u16(3), u16(0x10), number(x), number(y)] : [u16(bits), u32(0), number(n)]
  const area = Buffer.concat([...head, ...signing, ...tail])
  return { area, name: nameOf('sha256', area), privateKey: pair.privateKey, scheme, hash: hashName }
}
export type ForgedKey = ReturnType<typeof forgedKey>

/** TPMT_SIGNATURE; with another scheme or hash than the key’s, if asked. */
export function forgedSignature(
  key: ForgedKey,
  data: Uint8Array,
  { scheme = key.scheme, hash: hashName = key.hash }: { scheme?: keyof typeof SCHEME; hash?: HashName } = {},
): Buffer {
  const head = [u16(SCHEME[scheme]), u16(HASH[hashName])]
  if (scheme === 'ecdsa') {
    const both = sign(hashName, data, { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
    const half = both.byteLength / 2
    return Buffer.concat([...head, wrap(both.subarray(0, half)), wrap(both.subarray(half))])
  }
  const padding = scheme === 'rsapss' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING
  return Buffer.concat([...head, wrap(sign(hashName, data, { key: key.privateKey, padding }))])
}

export type QuoteParts = {
  magic?: number
  type?: number
  signer?: Uint8Array
  extraData?: Uint8Array
  safe?: number
  selections?: { hash: number; pcrs: number[] }[]
  digest?: Uint8Array
  tail?: Uint8Array
}

/** TPMS_ATTEST of a quote. */
export function forgedQuote(parts: QuoteParts): Buffer {
  const { magic = 0xff544347, type = 0x8018, signer = Buffer.alloc(0), extraData = Buffer.alloc(0), safe = 1 } = parts
  const { selections = [], digest = Buffer.alloc(32), tail = Buffer.alloc(0) } = parts
  const clock = [u64(5_000n), u32(3), u32(1), u8(safe), u64(7n)]
  const list = selections.flatMap(({ hash: bank, pcrs }) => {
    const bitmap = [0, 1, 2].map((byte) =>
      pcrs.filter((pcr) => pcr >> 3 === byte).reduce((bits, pcr) => bits | (1 << (pcr & 7)), 0),
    )
    return [u16(bank), u8(3), Buffer.from(bitmap)]
  })
  return Buffer.concat([
    ...[u32(magic), u16(type), wrap(signer), wrap(extraData), ...clock],
    ...[u32(selections.length), ...list, wrap(digest), tail],
  ])
}

/** The record of an agent that managed to enrol a forged key, for what the verifier has to stop by itself. */
export const forgedRecord = (key: ForgedKey, who: TestAgent, anchor: string): Enrolled => ({
  enrolment: newId('enr'),
  agent: who.agent,
  key_thumbprint: who.keyThumbprint,
  ek_digest: hash('sha256', 'an endorsement key'),
  ak_name: key.name.toString('hex'),
  ak_qualified_name: qualifiedNameOf('sha256', Buffer.from('parent'), key.name).toString('hex'),
  ak_public: key.area.toString('base64url'),
  certified: true,
  anchor,
})

/** Registers that are easily told apart. */
export const registers = (pcrs: readonly number[], bank: 'sha256' | 'sha384' = 'sha256'): Record<string, string> =>
  Object.fromEntries(pcrs.map((pcr) => [pcr, hash(bank, `PCR ${pcr}`)]))

export const digestOfRegisters = (values: Record<string, string>, algorithm = 'sha256'): Buffer => {
  const digest = createHash(algorithm)
  for (const value of Object.values(values)) digest.update(Buffer.from(value, 'hex'))
  return digest.digest()
}
