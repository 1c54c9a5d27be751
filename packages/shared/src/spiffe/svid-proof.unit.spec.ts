import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { proveSvidKey, provesSvidKey } from './svid-proof.ts'

const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })
const KEYS = {
  'P-256': ec('P-256'),
  'P-384': ec('P-384'),
  'P-521': ec('P-521'),
  RSA: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  Ed25519: generateKeyPairSync('ed25519'),
}
const binding = randomBytes(32)

describe('proof that the key of an SVID is held', () => {
  it('is a signature over the binding, by the key, and by that alone', () => {
    for (const [name, { privateKey, publicKey }] of Object.entries(KEYS)) {
      const proof = proveSvidKey(privateKey, binding)
      expect(provesSvidKey(publicKey, binding, proof), name).toBe(true)
      expect(provesSvidKey(publicKey, randomBytes(32), proof), name).toBe(false)
      expect(provesSvidKey(publicKey, binding, proof.subarray(1)), name).toBe(false)
      expect(provesSvidKey(publicKey, binding, Buffer.concat([proof, Buffer.from([0])])), name).toBe(false)
      expect(provesSvidKey(publicKey, binding, Buffer.alloc(0)), name).toBe(false)
      for (const [other, keys] of Object.entries(KEYS))
        if (other !== name) expect(provesSvidKey(keys.publicKey, binding, proof), `${name} as ${other}`).toBe(false)
    }
  })

  it('is made in one way for each kind of key: no PKCS #1 v1.5, no other hash', () => {
    const { privateKey, publicKey } = KEYS.RSA
    expect(provesSvidKey(publicKey, binding, sign('sha256', binding, privateKey))).toBe(false)
    const p384 = KEYS['P-384']
    expect(provesSvidKey(p384.publicKey, binding, sign('sha256', binding, p384.privateKey))).toBe(false)
  })

  it('is never over anything but 32 bytes, nor by keys that are too weak or cannot sign', () => {
    const { privateKey, publicKey } = KEYS['P-256']
    for (const bytes of [Buffer.alloc(0), randomBytes(31), randomBytes(33), randomBytes(64)]) {
      expect(() => proveSvidKey(privateKey, bytes)).toThrow(TypeError)
      expect(provesSvidKey(publicKey, bytes, sign('sha256', bytes, privateKey))).toBe(false)
    }
    for (const keys of [ec('secp256k1'), generateKeyPairSync('x25519')]) {
      expect(() => proveSvidKey(keys.privateKey, binding)).toThrow(TypeError)
      expect(provesSvidKey(keys.publicKey, binding, randomBytes(64))).toBe(false)
    }
  })
})
