/**
 * A key store of files, for replicas that share a folder: each private key in a file of its own, as a JWE (RFC 7516)
 * under a key-encryption key that lies elsewhere. What a file says of its key is authenticated with it, and must fit
 * its name: files cannot be exchanged for one another.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  randomUUID,
  sign,
} from 'node:crypto'
import { link, mkdir, readdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { unavailable } from '@credence/contracts/errors'
import { ConfigurationError } from '@credence/shared/config'
import {
  CompactEncrypt,
  calculateJwkThumbprint,
  compactDecrypt,
  decodeProtectedHeader,
  exportJWK,
  type JWK,
} from 'jose'
import { z } from 'zod'
import type { SigningAlgorithm } from '../../api/context.ts'
import type { KeyPlace, KeyStore, StoredKey } from './key-store.ts'

const SUFFIX = '.jwe'
const RSA_BITS = 2048

const Header = z.object({
  kek: z.string(),
  use: z.enum(['token', 'jwt-svid', 'x509-svid']),
  key_alg: z.enum(['ES256', 'EdDSA', 'RS256']),
  generation: z.int().positive(),
  created_at: z.iso.datetime(),
})
const Content = z.object({ jwk: z.looseObject({ kty: z.string() }), certificate: z.base64().optional() })

type OpenKey = { stored: StoredKey; file: string; privateKey: KeyObject }

/**
 * @param kek 32 bytes (openKeyEncryptionKey)
 * @throws ConfigurationError when a file cannot be decrypted: another KEK, or somebody changed it
 */
export async function openEncryptedFiles(folder: string, kek: Uint8Array): Promise<KeyStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const kekName = nameOf(kek)
  const open = new Map<string, OpenKey>()

  async function load(file: string): Promise<OpenKey | undefined> {
    const text = await readFile(join(folder, file), 'utf8').catch((error) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    return text === undefined ? undefined : decrypt(join(folder, file), file, text, kek)
  }
  async function readAll(): Promise<OpenKey[]> {
    const files = (await readdir(folder)).filter((file) => file.endsWith(SUFFIX))
    for (const gone of [...open.keys()].filter((file) => !files.includes(file))) open.delete(gone)
    for (const file of files.filter((one) => !open.has(one))) {
      const key = await load(file)
      if (key) open.set(file, key)
    }
    return [...open.values()]
  }
  const find = (kid: string) => [...open.values()].find(({ stored }) => stored.kid === kid)

  return {
    list: async () => (await readAll()).map(({ stored }) => stored),
    generate: async (place, createdAt, certify) => {
      const privateKey = await newPrivateKey(place.algorithm)
      const publicJwk = await exportJWK(createPublicKey(privateKey))
      const key = { ...place, createdAt, kid: await calculateJwkThumbprint(publicJwk), publicJwk }
      const certificate = await certify?.(key, (bytes) => signWith(privateKey, place.algorithm, bytes))
      const content = {
        jwk: privateKey.export({ format: 'jwk' }),
        ...(certificate ? { certificate: base64(certificate) } : {}),
      }
      const jwe = await new CompactEncrypt(Buffer.from(JSON.stringify(content)))
        .setProtectedHeader({ alg: 'A256KW', enc: 'A256GCM', kek: kekName, ...headerOf(place, createdAt) })
        .encrypt(kek)
      await writeOnce(folder, fileOf(place), jwe)
    },
    sign: async (kid, bytes) => {
      const key = find(kid)
      if (!key) throw unavailable('signing_key_gone', 'The signing key is not in the key store any more. Try again.')
      return signWith(key.privateKey, key.stored.algorithm, bytes)
    },
    destroy: async (kid) => {
      const key = find(kid)
      if (!key) return
      await unlink(join(folder, key.file)).catch(unlessMissing)
      open.delete(key.file)
    },
    close: async () => open.clear(),
  }
}

const fileOf = ({ use, algorithm, generation }: KeyPlace): string =>
  `${use}.${algorithm}.${String(generation).padStart(6, '0')}${SUFFIX}`
const headerOf = ({ use, algorithm, generation }: KeyPlace, createdAt: Date) => ({
  use,
  key_alg: algorithm,
  generation,
  created_at: createdAt.toISOString(),
})
const nameOf = (kek: Uint8Array) => createHash('sha256').update(kek).digest('hex').slice(0, 16)
function headerIn(text: string): unknown {
  try {
    return decodeProtectedHeader(text)
  } catch {
    return undefined
  }
}
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')

async function decrypt(path: string, file: string, text: string, kek: Uint8Array): Promise<OpenKey> {
  const refuse = (why: string) => new ConfigurationError(`The signing key ${path} cannot be used: ${why}.`)
  const header = Header.safeParse(headerIn(text))
  if (!header.success) throw refuse('it is not a signing key, or it was changed')
  if (header.data.kek !== nameOf(kek))
    throw refuse('it was encrypted with another key than CREDENCE_KEYS_KEK_FILE holds')
  const { plaintext } = await compactDecrypt(text, kek, {
    keyManagementAlgorithms: ['A256KW'],
    contentEncryptionAlgorithms: ['A256GCM'],
  }).catch(() => {
    throw refuse('it was changed')
  })
  const content = Content.safeParse(JSON.parse(Buffer.from(plaintext).toString()))
  if (!content.success) throw refuse('its content is not that of a signing key')
  const { use, key_alg: algorithm, generation, created_at } = header.data
  if (fileOf({ use, algorithm, generation }) !== file) throw refuse('it was renamed; its content is of another key')
  const privateKey = createPrivateKey({ key: content.data.jwk as JWK, format: 'jwk' })
  const publicJwk = await exportJWK(createPublicKey(privateKey))
  const { certificate } = content.data
  const stored: StoredKey = {
    use,
    algorithm,
    generation,
    createdAt: new Date(created_at),
    kid: await calculateJwkThumbprint(publicJwk),
    publicJwk,
    ...(certificate ? { certificate: new Uint8Array(Buffer.from(certificate, 'base64')) } : {}),
  }
  return { stored, file, privateKey }
}

/** Whole or not at all, and never over another: a link to a finished file is made or refused in one step. */
async function writeOnce(folder: string, file: string, text: string): Promise<void> {
  const draft = join(folder, `.${file}.${randomUUID()}`)
  await writeFile(draft, text, { mode: 0o600, flag: 'wx', flush: true })
  try {
    await link(draft, join(folder, file))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await unlink(draft).catch(unlessMissing)
  }
}

const unlessMissing = (error: NodeJS.ErrnoException) => {
  if (error.code !== 'ENOENT') throw error
}

const makePair = promisify(generateKeyPair)
async function newPrivateKey(algorithm: SigningAlgorithm): Promise<KeyObject> {
  if (algorithm === 'RS256') return (await makePair('rsa', { modulusLength: RSA_BITS })).privateKey
  if (algorithm === 'EdDSA') return (await makePair('ed25519')).privateKey
  return (await makePair('ec', { namedCurve: 'P-256' })).privateKey
}

/** In the thread pool: what a signature costs there is no more, and requests go on meanwhile. */
const signAside = promisify<string | null, Uint8Array, SignKey, Buffer>(sign)
type SignKey = KeyObject | { key: KeyObject; dsaEncoding: 'ieee-p1363' }

const signWith = (key: KeyObject, algorithm: SigningAlgorithm, bytes: Uint8Array): Promise<Buffer> =>
  algorithm === 'ES256'
    ? signAside('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' })
    : signAside(algorithm === 'EdDSA' ? null : 'sha256', bytes, key)
