/** Which keys are strong enough to sign for a builder, and what they sign with. */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'

export type SigningKey = { key: KeyObject; hash: 'sha256' | 'sha384' | 'sha512' | null }

/** The hash follows the curve (FIPS 186-5; Sigstore algorithm registry): SHA-256 over P-384 does not verify. */
const HASH_OF_CURVE: Record<string, 'sha256' | 'sha384' | 'sha512'> = {
  prime256v1: 'sha256',
  secp384r1: 'sha384',
  secp521r1: 'sha512',
}
const MIN_RSA_BITS = 2048

/** @returns undefined for a key that is too weak: other curves, RSA below 2048 bits, DSA */
export function signingKey(key: KeyObject): SigningKey | undefined {
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  switch (key.asymmetricKeyType) {
    case 'ec': {
      const hash = HASH_OF_CURVE[namedCurve]
      return hash && { key, hash }
    }
    case 'rsa':
      return modulusLength >= MIN_RSA_BITS ? { key, hash: 'sha256' } : undefined
    case 'ed25519':
      return { key, hash: null }
    default:
      return undefined
  }
}

export const isSignedBy = (data: Uint8Array, signature: Uint8Array, { key, hash }: SigningKey): boolean => {
  try {
    return verify(hash, data, key, signature)
  } catch {
    return false
  }
}

/** @returns undefined for a text that holds no public key */
export function publicKeyIn(pem: string): KeyObject | undefined {
  try {
    return createPublicKey(pem)
  } catch {
    return undefined
  }
}

/** What signers write as a hint at their key: SHA-256 of its PEM (model-signing) or of its DER (cosign). */
export function isHintAt(key: KeyObject, hint: string): boolean {
  const pem = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'pem' }))
    .digest('hex')
  const der = createHash('sha256').update(key.export({ type: 'spki', format: 'der' }))
  const digest = der.digest()
  return [pem, digest.toString('hex'), digest.toString('base64')].includes(hint)
}
