/** Keys that are the same at every run, and signatures that are too (Ed25519, RFC 8032): so a seed makes the same inputs again. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'

const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

export type Key = { privateKey: KeyObject; publicKey: KeyObject; pem: string }

export function keyOf(name: string): Key {
  const secret = createHash('sha256').update(name).digest()
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8, secret]), format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(privateKey)
  return { privateKey, publicKey, pem: publicKey.export({ type: 'spki', format: 'pem' }).toString() }
}

/** A compact JWS (RFC 7515, RFC 8037). */
export function signedJws(header: object, claims: object, { privateKey }: Key): string {
  const text = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const input = `${text({ alg: 'EdDSA', ...header })}.${text(claims)}`
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`
}
