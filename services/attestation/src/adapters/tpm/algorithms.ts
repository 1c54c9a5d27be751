/** Algorithms by their TPM numbers (TCG Algorithm Registry), and which of them are good enough here. */
import { malformed, weak } from './reader.ts'

export type HashName = 'sha256' | 'sha384' | 'sha512'
export type Bank = 'sha256' | 'sha384'
export type Curve = 'P-256' | 'P-384' | 'P-521'
export type SchemeName = 'rsassa' | 'rsapss' | 'ecdsa'

export const ALGORITHM = {
  rsa: 0x0001,
  sha1: 0x0004,
  aes: 0x0006,
  sha256: 0x000b,
  sha384: 0x000c,
  sha512: 0x000d,
  none: 0x0010,
  rsassa: 0x0014,
  rsaes: 0x0015,
  rsapss: 0x0016,
  oaep: 0x0017,
  ecdsa: 0x0018,
  ecc: 0x0023,
  cfb: 0x0043,
} as const

const HASHES: ReadonlyMap<number, HashName> = new Map([
  [ALGORITHM.sha256, 'sha256'],
  [ALGORITHM.sha384, 'sha384'],
  [ALGORITHM.sha512, 'sha512'],
])
const SCHEMES: ReadonlyMap<number, SchemeName> = new Map([
  [ALGORITHM.rsassa, 'rsassa'],
  [ALGORITHM.rsapss, 'rsapss'],
  [ALGORITHM.ecdsa, 'ecdsa'],
])
const CURVES: ReadonlyMap<number, Curve> = new Map([
  [0x0003, 'P-256'],
  [0x0004, 'P-384'],
  [0x0005, 'P-521'],
])

export const DIGEST_BYTES: Readonly<Record<HashName, number>> = { sha256: 32, sha384: 48, sha512: 64 }
export const CURVE_BYTES: Readonly<Record<Curve, number>> = { 'P-256': 32, 'P-384': 48, 'P-521': 66 }
/** Largest digest of any algorithm, and largest name (algorithm and digest). */
export const MOST_DIGEST = 64
export const MOST_NAME = 2 + MOST_DIGEST

/** @throws TpmFault `algorithm_weak` for SHA-1 and whatever else is no SHA-2 of 256 bits or more */
export function hashNamed(id: number, what: string): HashName {
  const hash = HASHES.get(id)
  if (!hash) throw weak(what, 'its hash must be SHA-256, SHA-384 or SHA-512')
  return hash
}

/** @throws TpmFault `algorithm_weak` for others than RSASSA, RSAPSS and ECDSA */
export function schemeNamed(id: number, what: string): SchemeName {
  const scheme = SCHEMES.get(id)
  if (!scheme) throw weak(what, 'its scheme must be RSASSA, RSAPSS or ECDSA')
  return scheme
}

/** @throws TpmFault `algorithm_weak` for curves other than NIST P-256, P-384 and P-521 */
export function curveNamed(id: number, what: string): Curve {
  const curve = CURVES.get(id)
  if (!curve) throw weak(what, 'its curve must be P-256, P-384 or P-521')
  return curve
}

/** A coordinate or a part of a signature in its full width: TPMs may leave out leading zeros. @throws TpmFault */
export function widened(bytes: Uint8Array, width: number, what: string): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0)
  const significant = first < 0 ? bytes.subarray(bytes.byteLength) : bytes.subarray(first)
  if (significant.byteLength > width) throw malformed(what, 'a number is wider than its curve')
  return Buffer.concat([Buffer.alloc(width - significant.byteLength), significant])
}
