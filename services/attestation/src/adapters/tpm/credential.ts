/**
 * TPM2_MakeCredential in software (TPM 2.0 Part 1 §24): a secret that only the TPM with this endorsement key can open, and
 * only while the key of this name is loaded in it (TPM2_ActivateCredential).
 */
import { constants, createCipheriv, createECDH, createHmac, publicEncrypt, randomBytes } from 'node:crypto'
import { type Curve, DIGEST_BYTES, widened } from './algorithms.ts'
import { kdfa, kdfe } from './kdf.ts'
import { type PublicArea, publicKeyOf } from './public-area.ts'
import { malformed, weak, wrap } from './reader.ts'

export type Credential = {
  /** TPM2B_ID_OBJECT. */
  credentialBlob: Buffer
  /** TPM2B_ENCRYPTED_SECRET. */
  encryptedSecret: Buffer
}

const LABEL = 'IDENTITY'
const NOTHING = new Uint8Array()
const OPENSSL: Readonly<Record<Curve, string>> = { 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' }

/**
 * @param endorsement public area of the endorsement key
 * @param name of the key that must be loaded beside it
 * @param secret at most as long as the digest of the endorsement key’s name algorithm
 * @throws TpmFault when the endorsement key cannot protect anything
 */
export function makeCredential(endorsement: PublicArea, name: Uint8Array, secret: Uint8Array): Credential {
  const { nameAlgorithm: hash, symmetricBits } = endorsement
  if (!symmetricBits) throw weak('endorsement key', 'it names no symmetric cipher')
  const digestBits = DIGEST_BYTES[hash] * 8
  const { seed, encrypted } = endorsement.key.type === 'rsa' ? rsaSeed(endorsement) : eccSeed(endorsement)
  const cipherKey = kdfa(hash, seed, 'STORAGE', { u: name, v: NOTHING }, symmetricBits)
  // The key is used once, so a fixed initial vector repeats nothing; the TPM knows no other (§24.4).
  const cipher = createCipheriv(`aes-${symmetricBits}-cfb`, cipherKey, Buffer.alloc(16))
  const identity = Buffer.concat([cipher.update(wrap(secret)), cipher.final()])
  const macKey = kdfa(hash, seed, 'INTEGRITY', { u: NOTHING, v: NOTHING }, digestBits)
  const mac = createHmac(hash, macKey).update(identity).update(name).digest()
  return {
    credentialBlob: wrap(Buffer.concat([wrap(mac), identity])),
    encryptedSecret: wrap(encrypted),
  }
}

/** A random seed under RSA-OAEP, whose label ends in a zero byte (Part 1 §B.4, §B.10.3). */
function rsaSeed(endorsement: PublicArea) {
  const seed = randomBytes(DIGEST_BYTES[endorsement.nameAlgorithm])
  const encrypted = publicEncrypt(
    {
      key: publicKeyOf(endorsement),
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: endorsement.nameAlgorithm,
      oaepLabel: Buffer.from(`${LABEL}\0`),
    },
    seed,
  )
  return { seed, encrypted }
}

/** The seed both ends find by one-pass Diffie-Hellman; what is sent is our point (Part 1 §C.6.1, §C.7). */
function eccSeed(endorsement: PublicArea) {
  const { key, nameAlgorithm } = endorsement
  if (key.type !== 'ecc') throw malformed('endorsement key', 'it is no ECC key')
  publicKeyOf(endorsement) // a point of its curve
  const width = key.x.byteLength
  const ours = createECDH(OPENSSL[key.curve])
  const point = ours.generateKeys()
  const x = point.subarray(1, 1 + width)
  const y = point.subarray(1 + width)
  const shared = ours.computeSecret(Buffer.concat([Buffer.from([4]), key.x, key.y]))
  const z = widened(shared, width, 'shared secret')
  const seed = kdfe(nameAlgorithm, z, LABEL, { u: x, v: key.x }, DIGEST_BYTES[nameAlgorithm] * 8)
  return { seed, encrypted: Buffer.concat([wrap(x), wrap(y)]) }
}
