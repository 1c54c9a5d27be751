/** The key of the server itself, as an operator with both the key folder and the KEK could read it: what it signed can be bent and signed again. */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SigningKey } from '@credence/shared/keys'
import { calculateJwkThumbprint, compactDecrypt, exportJWK } from 'jose'
import type { House } from './house.ts'

export async function serverKeyOf(house: House, name = 'token.ES256.000001'): Promise<SigningKey> {
  const folder = join(house.stack.folder, 'keys')
  const kek = readFileSync(join(folder, 'identity.kek'))
  const jwe = readFileSync(join(folder, 'identity', `${name}.jwe`), 'utf8')
  const { jwk } = JSON.parse(Buffer.from((await compactDecrypt(jwe, kek)).plaintext).toString())
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' })
  const publicKey = createPublicKey(privateKey)
  const publicJwk = await exportJWK(publicKey)
  return { privateKey, publicKey, publicJwk, keyId: await calculateJwkThumbprint(publicJwk), algorithm: 'ES256' }
}
