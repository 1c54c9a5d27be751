/** Signing keys in files that only their owner can read. A KMS takes this room's place in production. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose'

export type SigningKey = {
  privateKey: KeyObject
  publicKey: KeyObject
  publicJwk: JWK
  keyId: string
  algorithm: 'ES256' | 'EdDSA'
}

/** Reads the PEM file, or makes a key and the file (mode 0600) when there is none. `keyId` is its RFC 7638 thumbprint. */
export async function openSigningKey(path: string, kind: 'P-256' | 'Ed25519'): Promise<SigningKey> {
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const made = kind === 'P-256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
    writeFileSync(path, made.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' })
  }
  const privateKey = createPrivateKey(readFileSync(path))
  const publicKey = createPublicKey(privateKey)
  const publicJwk = await exportJWK(publicKey)
  const algorithm = kind === 'P-256' ? 'ES256' : 'EdDSA'
  return { privateKey, publicKey, publicJwk, keyId: await calculateJwkThumbprint(publicJwk), algorithm }
}
