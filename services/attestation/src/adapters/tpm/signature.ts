/** TPMT_SIGNATURE (TPM 2.0 Part 2 §11.3.4), and whether it is by a key and of the scheme that the key was made for. */
import { constants, type KeyObject, verify } from 'node:crypto'
import { CURVE_BYTES, type HashName, hashNamed, type SchemeName, schemeNamed, widened } from './algorithms.ts'
import { type PublicArea, publicKeyOf } from './public-area.ts'
import { reader } from './reader.ts'

export type TpmSignature = { algorithm: SchemeName; hash: HashName } & (
  | { signature: Uint8Array }
  | { r: Uint8Array; s: Uint8Array }
)

const WHAT = 'signature'
const MOST_RSA = 512
const MOST_SCALAR = 66

/** @throws TpmFault `evidence_malformed`, `algorithm_weak` (SHA-1; another scheme than RSASSA, RSAPSS, ECDSA) */
export function parseSignature(bytes: Uint8Array): TpmSignature {
  const read = reader(bytes, WHAT)
  const algorithm = schemeNamed(read.u16(), WHAT)
  const hash = hashNamed(read.u16(), WHAT)
  const parts =
    algorithm === 'ecdsa'
      ? { r: read.sized(MOST_SCALAR), s: read.sized(MOST_SCALAR) }
      : { signature: read.sized(MOST_RSA) }
  read.end()
  return { algorithm, hash, ...parts }
}

/**
 * Whether the signature is by this key over these bytes. Algorithm and hash must be those the key is bound to: the signature
 * does not choose.
 */
export function isSignedBy(area: PublicArea, signature: TpmSignature, data: Uint8Array, key?: KeyObject): boolean {
  const { scheme } = area
  if (!scheme || scheme.algorithm !== signature.algorithm || scheme.hash !== signature.hash) return false
  const publicKey = key ?? publicKeyOf(area)
  if ('r' in signature) {
    if (area.key.type !== 'ecc') return false
    const width = CURVE_BYTES[area.key.curve]
    const whole = Buffer.concat([widened(signature.r, width, WHAT), widened(signature.s, width, WHAT)])
    return verify(signature.hash, data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, whole)
  }
  if (area.key.type !== 'rsa') return false
  const padding = signature.algorithm === 'rsapss' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING
  const saltLength = signature.algorithm === 'rsapss' ? constants.RSA_PSS_SALTLEN_AUTO : undefined
  return verify(signature.hash, data, { key: publicKey, padding, saltLength }, signature.signature)
}
