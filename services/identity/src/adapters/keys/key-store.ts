/** Where private keys live: they are made there, sign there and are destroyed there. Only public parts come out. */
import type { JWK } from 'jose'
import type { KeyUse, SigningAlgorithm } from '../../api/context.ts'

export type KeyPlace = {
  use: KeyUse
  algorithm: SigningAlgorithm
  /** Counts the keys of one use and algorithm; two replicas that make the next one at once make the same one. */
  generation: number
}

export type StoredKey = KeyPlace & {
  createdAt: Date
  /** Thumbprint of the public key (RFC 7638). */
  kid: string
  publicJwk: JWK
  /** In DER, for keys that issue certificates. */
  certificate?: Uint8Array
}

export type SignBytes = (bytes: Uint8Array) => Promise<Uint8Array>
/** Makes the certificate of a new key, which signs it. */
export type Certify = (key: Omit<StoredKey, 'certificate'>, sign: SignBytes) => Promise<Uint8Array>

export type KeyStore = {
  list(): Promise<StoredKey[]>
  /** Makes a key, complete with its certificate, or does nothing when the place is taken. */
  generate(place: KeyPlace, createdAt: Date, certify?: Certify): Promise<void>
  /**
   * A signature in the form of JWS: RFC 7518 §3.3 (RS256), §3.4 (ES256: R and S, 64 bytes), RFC 8037 (EdDSA).
   * @throws CredenceError `unavailable`
   */
  sign(kid: string, bytes: Uint8Array): Promise<Uint8Array>
  /** Destroying what is not there is no error: another replica was first. */
  destroy(kid: string): Promise<void>
  close(): Promise<void>
}
