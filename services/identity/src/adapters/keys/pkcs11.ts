/**
 * A key store in a PKCS#11 token: a hardware security module, or SoftHSM. Keys are made in it, marked sensitive and not
 * extractable. A key's label says what it is for and when it was made; only who has the PIN can write it.
 */
import { createHash, createPublicKey, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { unavailable } from '@credence/contracts/errors'
import { ConfigurationError } from '@credence/shared/config'
import { messageOf } from '@credence/shared/log'
import { calculateJwkThumbprint, type JWK } from 'jose'
import type { SigningAlgorithm } from '../../api/context.ts'
import { type Attribute, CKA, CKM, CKO, CKR, type Cryptoki, CryptokiError, loadCryptoki } from './cryptoki.ts'
import type { KeyPlace, KeyStore, StoredKey } from './key-store.ts'
import { openSessions } from './pkcs11-sessions.ts'

type Kind = { generate: number; sign: number; longest: number; template: Attribute[] }
const KINDS: Record<SigningAlgorithm, Kind> = {
  ES256: {
    generate: CKM.EC_KEY_PAIR_GEN,
    sign: CKM.ECDSA,
    longest: 64,
    // OBJECT IDENTIFIER prime256v1 (RFC 5480 §2.1.1.1)
    template: [[CKA.EC_PARAMS, Buffer.from('06082a8648ce3d030107', 'hex')]],
  },
  EdDSA: {
    generate: CKM.EC_EDWARDS_KEY_PAIR_GEN,
    sign: CKM.EDDSA,
    longest: 64,
    // OBJECT IDENTIFIER id-Ed25519 (RFC 8410 §3)
    template: [[CKA.EC_PARAMS, Buffer.from('06032b6570', 'hex')]],
  },
  RS256: {
    generate: CKM.RSA_PKCS_KEY_PAIR_GEN,
    sign: CKM.SHA256_RSA_PKCS,
    longest: 512,
    template: [
      [CKA.MODULUS_BITS, 2048],
      [CKA.PUBLIC_EXPONENT, Uint8Array.of(1, 0, 1)],
    ],
  },
}
const LABEL = /^credence (token|jwt-svid|x509-svid) (ES256|EdDSA|RS256) ([0-9]{1,9}) ([0-9]{1,15})$/
const X_509 = 0

type TokenKey = { stored: StoredKey; privateKey: number; objects: number[] }
type InSession = <T>(work: (session: number) => Promise<T>) => Promise<T>

/** @throws ConfigurationError when module, token or PIN do not fit */
export async function openPkcs11(options: { module: string; tokenLabel: string; pinFile: string }): Promise<KeyStore> {
  const { module, tokenLabel } = options
  const pin = readPin(options.pinFile)
  const cryptoki = await loadCryptoki(module)
  const sessions = await open()
  let keys = new Map<string, TokenKey>()

  async function open() {
    await cryptoki.initialize()
    const found = (await cryptoki.tokens()).filter(({ label }) => label === tokenLabel)
    const [token] = found
    if (!token || found.length > 1)
      throw new ConfigurationError(
        `CREDENCE_KEYS_PKCS11_TOKEN_LABEL: ${found.length} tokens of this module are named "${tokenLabel}"; there must be one.`,
      )
    return openSessions(cryptoki, token.slot, pin)
  }

  async function list(): Promise<StoredKey[]> {
    const known = [...keys.values()]
    keys = await sessions.run((session) => readToken(cryptoki, session, known)).catch(asUnavailable)
    return [...keys.values()].map(({ stored }) => stored)
  }
  async function sign(kid: string, bytes: Uint8Array): Promise<Uint8Array> {
    const key = keys.get(kid)
    if (!key) throw unavailable('signing_key_gone', 'The signing key is not in the key store any more. Try again.')
    return signIn(sessions.run, cryptoki, key.stored.algorithm, key.privateKey, bytes)
  }

  return {
    list,
    generate: async (place, createdAt, certify) => {
      const made = await writing(() => sessions.run((session) => makeKey(cryptoki, session, place, createdAt))).catch(
        asUnavailable,
      )
      const { privateKey, id, label, ...key } = made
      if (!certify) return
      // Until its certificate is there as well, nobody counts the key.
      const value = await certify({ ...place, ...key, createdAt }, (bytes) =>
        signIn(sessions.run, cryptoki, place.algorithm, privateKey, bytes),
      )
      await writing(() =>
        sessions.run((session) => cryptoki.createObject(session, certificateObject(id, label, value))),
      ).catch(asUnavailable)
    },
    // Handles of objects change when the token was away.
    sign: (kid, bytes) => sign(kid, bytes).catch(() => list().then(() => sign(kid, bytes))),
    destroy: async (kid) => {
      const key = keys.get(kid)
      if (!key) return
      await sessions
        .run(async (session) => {
          for (const object of key.objects) await cryptoki.destroyObject(session, object).catch(unlessGone)
        })
        .catch(asUnavailable)
      keys.delete(kid)
    },
    close: sessions.close,
  }
}

function readPin(path: string): Uint8Array {
  try {
    return new Uint8Array(Buffer.from(readFileSync(path, 'utf8').trim()))
  } catch (error) {
    throw new ConfigurationError(`CREDENCE_KEYS_PKCS11_PIN_FILE (${path}) cannot be read: ${messageOf(error)}`)
  }
}

/** Another replica was first; or the token was away, and the next look finds the key again. */
const unlessGone = (error: unknown) => {
  if (!(error instanceof CryptokiError && error.code === CKR.OBJECT_HANDLE_INVALID)) throw error
}

const WRITE_ATTEMPTS = 5
const PAUSE_MS = 50

/**
 * Writes, again when the token says nothing better than that it failed: SoftHSM does when two write at the same time. What
 * a failed attempt may have left is not a whole key, so nobody counts it.
 */
async function writing<T>(write: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++)
    try {
      return await write()
    } catch (error) {
      const mayPass = error instanceof CryptokiError && COLLIDED.has(error.code)
      if (!mayPass || attempt === WRITE_ATTEMPTS) throw error
      await delay(PAUSE_MS * attempt * Math.random())
    }
}
const COLLIDED = new Set<number>([CKR.GENERAL_ERROR, CKR.FUNCTION_FAILED])

const asUnavailable = (error: unknown): never => {
  throw unavailable('key_store_down', 'The PKCS#11 token does not work now.', error)
}

/** ES256 signs the digest: not every module does ECDSA with SHA-256 itself. */
async function signIn(
  run: InSession,
  cryptoki: Cryptoki,
  algorithm: SigningAlgorithm,
  privateKey: number,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  const data = algorithm === 'ES256' ? createHash('sha256').update(bytes).digest() : bytes
  const { sign, longest } = KINDS[algorithm]
  return run((session) => cryptoki.sign(session, sign, privateKey, data, longest)).catch(asUnavailable)
}

async function makeKey(cryptoki: Cryptoki, session: number, place: KeyPlace, createdAt: Date) {
  const { use, algorithm, generation } = place
  const label = `credence ${use} ${algorithm} ${generation} ${createdAt.getTime()}`
  const id = randomBytes(16)
  const both: Attribute[] = [
    [CKA.TOKEN, true],
    [CKA.LABEL, label],
    [CKA.ID, id],
  ]
  const { generate, template } = KINDS[algorithm]
  const pair = await cryptoki.generateKeyPair(
    session,
    generate,
    [...both, [CKA.VERIFY, true], ...template],
    [...both, [CKA.PRIVATE, true], [CKA.SENSITIVE, true], [CKA.EXTRACTABLE, false], [CKA.SIGN, true]],
  )
  const publicJwk = await publicJwkOf(cryptoki, session, pair.publicKey, algorithm)
  return { privateKey: pair.privateKey, id, label, publicJwk, kid: await calculateJwkThumbprint(publicJwk) }
}

const certificateObject = (id: Uint8Array, label: string, value: Uint8Array): Attribute[] => [
  [CKA.CLASS, CKO.CERTIFICATE],
  [CKA.CERTIFICATE_TYPE, X_509],
  [CKA.TOKEN, true],
  [CKA.LABEL, label],
  [CKA.ID, id],
  [CKA.SUBJECT, new Uint8Array(0)],
  [CKA.VALUE, value],
]

/** Our keys in the token, by `kid`. What has another label is somebody else's. */
async function readToken(cryptoki: Cryptoki, session: number, known: TokenKey[]): Promise<Map<string, TokenKey>> {
  const found = new Map<string, TokenKey>()
  for (const privateKey of await cryptoki.find(session, [
    [CKA.CLASS, CKO.PRIVATE_KEY],
    [CKA.TOKEN, true],
  ])) {
    const label = (await cryptoki.attribute(session, privateKey, CKA.LABEL)).toString()
    const [, use, algorithm, generation, createdAt] = LABEL.exec(label) ?? []
    if (!use) continue
    const place = { use, algorithm, generation: Number(generation) } as KeyPlace
    const key =
      known.find((one) => one.privateKey === privateKey && labelOf(one.stored) === label) ??
      (await readKey(cryptoki, session, privateKey, place, new Date(Number(createdAt))))
    if (key) found.set(key.stored.kid, key)
  }
  return found
}

const labelOf = ({ use, algorithm, generation, createdAt }: StoredKey) =>
  `credence ${use} ${algorithm} ${generation} ${createdAt.getTime()}`

async function readKey(
  cryptoki: Cryptoki,
  session: number,
  privateKey: number,
  place: KeyPlace,
  createdAt: Date,
): Promise<TokenKey | undefined> {
  const id = await cryptoki.attribute(session, privateKey, CKA.ID)
  const of = (kind: number) =>
    cryptoki.find(session, [
      [CKA.CLASS, kind],
      [CKA.TOKEN, true],
      [CKA.ID, id],
    ])
  const [publicKey] = await of(CKO.PUBLIC_KEY)
  const [certificateObject] = await of(CKO.CERTIFICATE)
  if (publicKey === undefined) return undefined
  if (place.use === 'x509-svid' && certificateObject === undefined) return undefined
  const certificate =
    certificateObject === undefined
      ? {}
      : { certificate: new Uint8Array(await cryptoki.attribute(session, certificateObject, CKA.VALUE)) }
  const publicJwk = await publicJwkOf(cryptoki, session, publicKey, place.algorithm)
  const stored = { ...place, createdAt, publicJwk, kid: await calculateJwkThumbprint(publicJwk), ...certificate }
  // The private key last: while it is there, the rest can be found.
  const objects = [...(certificateObject === undefined ? [] : [certificateObject]), publicKey, privateKey]
  return { stored, privateKey, objects }
}

async function publicJwkOf(
  cryptoki: Cryptoki,
  session: number,
  publicKey: number,
  algorithm: SigningAlgorithm,
): Promise<JWK> {
  const read = (type: number) => cryptoki.attribute(session, publicKey, type)
  const jwk = algorithm === 'RS256' ? await rsaJwk(read) : ecJwk(await read(CKA.EC_POINT), algorithm)
  // Refuses a point that is not on the curve.
  createPublicKey({ key: jwk, format: 'jwk' })
  return jwk
}

const rsaJwk = async (read: (type: number) => Promise<Buffer>): Promise<JWK> => ({
  kty: 'RSA',
  n: (await read(CKA.MODULUS)).toString('base64url'),
  e: (await read(CKA.PUBLIC_EXPONENT)).toString('base64url'),
})

/** CKA_EC_POINT is an OCTET STRING: two bytes of DER, then the point (PKCS#11 2.40, Current Mechanisms §2.3.3). */
function ecJwk(der: Buffer, algorithm: 'ES256' | 'EdDSA'): JWK {
  const point = der.subarray(2)
  if (algorithm === 'EdDSA') return { kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') }
  const [x, y] = [point.subarray(1, 33), point.subarray(33, 65)]
  return { kty: 'EC', crv: 'P-256', x: x.toString('base64url'), y: y.toString('base64url') }
}
