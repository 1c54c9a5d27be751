/** The credential, opened as TPM2_ActivateCredential opens it (TPM 2.0 Part 1 §24.5); a real TPM opens it in enroller.int.spec.ts. */
import { createDecipheriv, createECDH, createHmac, generateKeyPairSync, privateDecrypt } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { makeCredential } from './credential.ts'
import { kdfa, kdfe } from './kdf.ts'
import { ATTRIBUTE, nameOf, type PublicArea } from './public-area.ts'
import { reader, TpmFault, unwrap } from './reader.ts'

const NOTHING = new Uint8Array()
const SECRET = Buffer.alloc(32, 9)
const NAME = nameOf('sha256', Buffer.from('an attestation key'))
const OTHER = nameOf('sha256', Buffer.from('another one'))
const attributes = ATTRIBUTE.restricted | ATTRIBUTE.decrypt

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const modulus = Buffer.from(rsa.publicKey.export({ format: 'jwk' }).n ?? '', 'base64url')
const ecdh = createECDH('secp384r1')
const point = ecdh.generateKeys()
const [x, y] = [point.subarray(1, 49), point.subarray(49)]

const KEYS: { name: string; area: PublicArea; seed: (encrypted: Uint8Array) => Buffer }[] = [
  {
    name: 'RSA 2048, AES-128',
    area: { nameAlgorithm: 'sha256', attributes, symmetricBits: 128, key: { type: 'rsa', bits: 2048, modulus } },
    seed: (encrypted) =>
      privateDecrypt({ key: rsa.privateKey, oaepHash: 'sha256', oaepLabel: Buffer.from('IDENTITY\0') }, encrypted),
  },
  {
    name: 'P-384, AES-256',
    area: { nameAlgorithm: 'sha384', attributes, symmetricBits: 256, key: { type: 'ecc', curve: 'P-384', x, y } },
    seed: (encrypted) => {
      const read = reader(encrypted, 'point')
      const [theirX, theirY] = [read.sized(48), read.sized(48)]
      read.end()
      const shared = ecdh.computeSecret(Buffer.concat([Buffer.from([4]), theirX, theirY]))
      return kdfe('sha384', shared, 'IDENTITY', { u: theirX, v: x }, 384)
    },
  },
]

describe.each(KEYS)('a credential for an endorsement key of $name', ({ area, seed }) => {
  const hash = area.nameAlgorithm
  const bits = hash === 'sha256' ? 256 : 384

  /** @throws when the integrity does not hold */
  function opened({ credentialBlob, encryptedSecret }: ReturnType<typeof makeCredential>, name: Uint8Array): Buffer {
    const read = reader(unwrap(credentialBlob, 512, 'blob'), 'blob')
    const mac = read.sized(64)
    const identity = read.bytes(read.left())
    const shared = seed(unwrap(encryptedSecret, 512, 'secret'))
    const macKey = kdfa(hash, shared, 'INTEGRITY', { u: NOTHING, v: NOTHING }, bits)
    if (!createHmac(hash, macKey).update(identity).update(name).digest().equals(mac)) throw new Error('integrity')
    const key = kdfa(hash, shared, 'STORAGE', { u: name, v: NOTHING }, area.symmetricBits ?? 0)
    const cipher = createDecipheriv(`aes-${area.symmetricBits ?? 0}-cfb`, key, Buffer.alloc(16))
    return Buffer.from(unwrap(Buffer.concat([cipher.update(identity), cipher.final()]), 64, 'credential'))
  }

  it('opens with this key, beside the key that it names', () => {
    expect(opened(makeCredential(area, NAME, SECRET), NAME)).toEqual(SECRET)
  })

  it('does not open beside another one, nor when anything of it was changed', () => {
    const credential = makeCredential(area, NAME, SECRET)
    expect(() => opened(credential, OTHER)).toThrow('integrity')
    const changed = Buffer.from(credential.credentialBlob)
    changed[changed.byteLength - 1]! ^= 1
    expect(() => opened({ ...credential, credentialBlob: changed }, NAME)).toThrow('integrity')
  })

  it('is another one each time', () => {
    const [one, two] = [makeCredential(area, NAME, SECRET), makeCredential(area, NAME, SECRET)]
    expect(one.credentialBlob).not.toEqual(two.credentialBlob)
    expect(one.encryptedSecret).not.toEqual(two.encryptedSecret)
  })

  it('is not made for a key that cannot protect one', () => {
    const { symmetricBits: _, ...bare } = area
    expect(() => makeCredential(bare, NAME, SECRET)).toThrow('symmetric')
  })
})

it('a point beside its curve is no key', () => {
  const area: PublicArea = {
    nameAlgorithm: 'sha384',
    attributes,
    symmetricBits: 256,
    key: { type: 'ecc', curve: 'P-384', x: y, y: x },
  }
  expect(() => makeCredential(area, NAME, SECRET)).toThrow(TpmFault)
})
