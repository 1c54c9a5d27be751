/** TPMT_PUBLIC (TPM 2.0 Part 2 §12.2.4): the public part of a key, its attributes and its name. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import {
  ALGORITHM,
  CURVE_BYTES,
  type Curve,
  curveNamed,
  type HashName,
  hashNamed,
  MOST_DIGEST,
  type SchemeName,
  schemeNamed,
  widened,
} from './algorithms.ts'
import { malformed, type Reader, reader, unwrap, weak } from './reader.ts'
import { isOfWeakPrimes } from './roca.ts'

/** TPMA_OBJECT (Part 2 §8.3). */
export const ATTRIBUTE = {
  fixedTpm: 1 << 1,
  fixedParent: 1 << 4,
  sensitiveDataOrigin: 1 << 5,
  userWithAuth: 1 << 6,
  restricted: 1 << 16,
  decrypt: 1 << 17,
  sign: 1 << 18,
} as const

export type PublicArea = {
  nameAlgorithm: HashName
  attributes: number
  /** AES in CFB mode, for keys that protect others; undefined: none. */
  symmetricBits?: 128 | 256
  /** Undefined: the key names none. */
  scheme?: { algorithm: SchemeName; hash: HashName }
  key: { type: 'rsa'; bits: number; modulus: Uint8Array } | { type: 'ecc'; curve: Curve; x: Uint8Array; y: Uint8Array }
}

const WHAT = 'public area'
const MOST_PUBLIC = 2_048
const MOST_MODULUS = 512
const RSA_BITS = [2048, 3072, 4096]
const EXPONENT = 65_537

/**
 * Parses a TPM2B_PUBLIC, as TPM2_Create and TPM2_ReadPublic give it.
 * @throws TpmFault `evidence_malformed`, `algorithm_weak` (RSA below 2048 bits or with another exponent than 65537, other curves, SHA-1)
 */
export const parseSizedPublicArea = (bytes: Uint8Array): PublicArea => parsePublicArea(unwrapPublic(bytes))

/** The TPMT_PUBLIC inside a TPM2B_PUBLIC: what a name is made of. @throws TpmFault */
export const unwrapPublic = (bytes: Uint8Array): Uint8Array => unwrap(bytes, MOST_PUBLIC, WHAT)

/** Parses a TPMT_PUBLIC. @throws TpmFault as `parseSizedPublicArea` */
export function parsePublicArea(bytes: Uint8Array): PublicArea {
  const read = reader(bytes, WHAT)
  const type = read.u16()
  if (type !== ALGORITHM.rsa && type !== ALGORITHM.ecc) throw weak(WHAT, 'it must be an RSA or an ECC key')
  const nameAlgorithm = hashNamed(read.u16(), WHAT)
  const attributes = read.u32()
  read.sized(MOST_DIGEST) // authPolicy
  const symmetricBits = symmetricOf(read)
  const scheme = schemeOf(read)
  const key = type === ALGORITHM.rsa ? rsaOf(read) : eccOf(read)
  read.end()
  return { nameAlgorithm, attributes, symmetricBits, scheme, key }
}

/** TPMT_SYM_DEF_OBJECT (Part 2 §11.1.7). */
function symmetricOf(read: Reader): 128 | 256 | undefined {
  const algorithm = read.u16()
  if (algorithm === ALGORITHM.none) return undefined
  const bits = read.u16()
  const mode = read.u16()
  if (algorithm !== ALGORITHM.aes || mode !== ALGORITHM.cfb || (bits !== 128 && bits !== 256))
    throw weak(WHAT, 'its symmetric cipher must be AES-128 or AES-256 in CFB mode')
  return bits
}

/** TPMT_RSA_SCHEME, TPMT_ECC_SCHEME (Part 2 §11.2.4, §11.2.5.6), as far as signing keys have them. */
function schemeOf(read: Reader): PublicArea['scheme'] {
  const id = read.u16()
  if (id === ALGORITHM.none) return undefined
  const algorithm = schemeNamed(id, WHAT)
  return { algorithm, hash: hashNamed(read.u16(), WHAT) }
}

function rsaOf(read: Reader): PublicArea['key'] {
  const bits = read.u16()
  const exponent = read.u32()
  const modulus = read.sized(MOST_MODULUS)
  if (!RSA_BITS.includes(bits)) throw weak(WHAT, 'RSA keys must have 2048, 3072 or 4096 bits')
  if (exponent !== 0 && exponent !== EXPONENT) throw weak(WHAT, `the exponent of an RSA key must be ${EXPONENT}`)
  if (modulus.byteLength !== bits / 8 || modulus[0]! < 0x80) throw malformed(WHAT, 'the modulus is not of its length')
  if (isOfWeakPrimes(modulus)) throw weak(WHAT, 'its primes are weak (CVE-2017-15361)')
  return { type: 'rsa', bits, modulus }
}

function eccOf(read: Reader): PublicArea['key'] {
  const curve = curveNamed(read.u16(), WHAT)
  if (read.u16() !== ALGORITHM.none) hashNamed(read.u16(), WHAT) // kdf
  const width = CURVE_BYTES[curve]
  const x = widened(read.sized(width), width, WHAT)
  const y = widened(read.sized(width), width, WHAT)
  return { type: 'ecc', curve, x, y }
}

const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')

/** The key for node:crypto. @throws TpmFault when it is none, for example a point beside its curve */
export function publicKeyOf({ key }: PublicArea): KeyObject {
  const jwk =
    key.type === 'rsa'
      ? { kty: 'RSA', n: base64url(key.modulus), e: 'AQAB' }
      : { kty: 'EC', crv: key.curve, x: base64url(key.x), y: base64url(key.y) }
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    throw malformed(WHAT, 'it is no key')
  }
}

const NUMBER: Readonly<Record<HashName, number>> = {
  sha256: ALGORITHM.sha256,
  sha384: ALGORITHM.sha384,
  sha512: ALGORITHM.sha512,
}

/** The name of an object: hash algorithm and hash of its TPMT_PUBLIC (Part 1 §16). */
export const nameOf = (hash: HashName, area: Uint8Array): Buffer => nameFrom(hash, [area])

/** The qualified name: the parent’s, then its own name, hashed (Part 1 §16, Part 3 §12.4). */
export const qualifiedNameOf = (hash: HashName, parent: Uint8Array, name: Uint8Array): Buffer =>
  nameFrom(hash, [parent, name])

function nameFrom(hash: HashName, parts: Uint8Array[]): Buffer {
  const digest = createHash(hash)
  for (const part of parts) digest.update(part)
  const algorithm = Buffer.alloc(2)
  algorithm.writeUInt16BE(NUMBER[hash])
  return Buffer.concat([algorithm, digest.digest()])
}

export const has = (area: PublicArea, attribute: keyof typeof ATTRIBUTE): boolean =>
  (area.attributes & ATTRIBUTE[attribute]) !== 0
