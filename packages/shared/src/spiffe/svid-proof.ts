/**
 * Proof that somebody holds the key of an X.509-SVID: its signature over a binding of 32 bytes, that is a digest which
 * already says for what it is. So short a message is no TLS handshake's (RFC 8446 §4.4.3, RFC 5246 §7.4.3), for which
 * the same key signs.
 */
import { constants, type KeyObject, sign, verify } from 'node:crypto'

const BINDING_BYTES = 32
const HASHES: Record<string, string> = { prime256v1: 'sha256', secp384r1: 'sha384', secp521r1: 'sha512' }

/**
 * ECDSA with the hash of its curve, in DER; RSA-PSS with SHA-256 and a salt as long; or Ed25519.
 * @throws TypeError for any other key, and for what is no binding
 */
export function proveSvidKey(key: KeyObject, binding: Uint8Array): Buffer {
  const how = algorithmOf(key)
  if (!how || binding.byteLength !== BINDING_BYTES) throw new TypeError('this key cannot prove itself on this binding')
  return sign(how.hash, binding, { key, ...how.options })
}

/** Whether the holder of this key has signed this binding. False for keys that cannot prove themselves. */
export function provesSvidKey(key: KeyObject, binding: Uint8Array, proof: Uint8Array): boolean {
  const how = algorithmOf(key)
  if (!how || binding.byteLength !== BINDING_BYTES) return false
  try {
    return verify(how.hash, binding, { key, ...how.options }, proof)
  } catch {
    return false
  }
}

function algorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject) {
  const hash = HASHES[details?.namedCurve ?? '']
  if (type === 'ec' && hash) return { hash, options: {} }
  if (type === 'ed25519') return { hash: null, options: {} }
  if (type !== 'rsa') return undefined
  const options = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  return { hash: 'sha256', options }
}
