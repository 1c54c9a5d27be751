import { createPublicKey, randomBytes, verify } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigurationError } from '@credence/shared/config'
import type { JWK } from 'jose'
import { afterAll, describe, expect, it } from 'vitest'
import type { SigningAlgorithm } from '../../api/context.ts'
import { openEncryptedFiles } from './encrypted-files.ts'
import { readKeyEncryptionKey } from './key-encryption-key.ts'
import type { KeyPlace } from './key-store.ts'

const root = mkdtempSync(join(tmpdir(), 'credence-keys-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let folders = 0
const newFolder = () => join(root, `keys-${folders++}`)
const KEK = new Uint8Array(randomBytes(32))
const NOW = new Date('2026-11-24T12:00:00.000Z')
const DATA = Buffer.from('what is signed')
const place = (algorithm: SigningAlgorithm = 'ES256', generation = 1): KeyPlace => ({
  use: 'token',
  algorithm,
  generation,
})
const read = (folder: string) => readdirSync(folder).map((name) => readFileSync(join(folder, name)))
const cannotBeUsed = (why: string) =>
  expect.objectContaining({ constructor: ConfigurationError, message: expect.stringContaining(why) })

describe('signing keys in encrypted files', () => {
  it('a key is made, listed by its public part, signs in the form of JWS, and is destroyed', async () => {
    const folder = newFolder()
    const store = await openEncryptedFiles(folder, KEK)
    for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const) await store.generate(place(algorithm), NOW)
    const keys = await store.list()
    expect(keys.map(({ algorithm }) => algorithm).toSorted()).toEqual(['ES256', 'EdDSA', 'RS256'])
    for (const { kid, publicJwk, algorithm, createdAt } of keys) {
      expect(createdAt).toEqual(NOW)
      for (const member of ['d', 'p', 'q', 'k']) expect(publicJwk).not.toHaveProperty(member)
      const key = createPublicKey({ key: publicJwk, format: 'jwk' })
      const signature = await store.sign(kid, DATA)
      const hash = algorithm === 'EdDSA' ? null : 'sha256'
      expect(verify(hash, DATA, { key, dsaEncoding: 'ieee-p1363' }, signature), algorithm).toBe(true)
      await store.destroy(kid)
      await store.destroy(kid)
      await expect(store.sign(kid, DATA)).rejects.toThrow(expect.objectContaining({ reason: 'signing_key_gone' }))
    }
    expect(await store.list()).toEqual([])
    expect(readdirSync(folder)).toEqual([])
  })

  it('no private key is readable on disk, and nobody but the owner can read the files', async () => {
    const folder = newFolder()
    const store = await openEncryptedFiles(folder, KEK)
    await store.generate(place(), NOW, async () => new Uint8Array([1, 2, 3]))
    for (const text of read(folder).map(String)) expect(text).not.toMatch(/PRIVATE|"d"|ImQi/)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600)
    const [key] = await (await openEncryptedFiles(folder, KEK)).list()
    expect(key?.certificate).toEqual(new Uint8Array([1, 2, 3]))
  })

  it('another key-encryption key, a changed file, a renamed one or nonsense is refused by name', async () => {
    const folder = newFolder()
    const name = join(folder, 'token.ES256.000001.jwe')
    await (await openEncryptedFiles(folder, KEK)).generate(place(), NOW)
    const good = readFileSync(name, 'utf8')
    const list = async (kek = KEK) => (await openEncryptedFiles(folder, kek)).list()
    await expect(list(new Uint8Array(randomBytes(32)))).rejects.toThrow(
      cannotBeUsed('another key than CREDENCE_KEYS_KEK_FILE'),
    )

    const parts = good.split('.')
    const flipped = (part: string) =>
      part[5] === 'A' ? `${part.slice(0, 5)}B${part.slice(6)}` : `${part.slice(0, 5)}A${part.slice(6)}`
    const changed = parts.map((part, index) => parts.with(index, flipped(part)).join('.'))
    const header = JSON.parse(Buffer.from(parts[0] ?? '', 'base64url').toString())
    const older = Buffer.from(JSON.stringify({ ...header, created_at: '2020-01-01T00:00:00.000Z' })).toString(
      'base64url',
    )
    for (const text of [...changed, parts.with(0, older).join('.'), good.slice(0, -9), '', 'nonsense', '{}']) {
      writeFileSync(name, text)
      await expect(list(), text.slice(0, 40)).rejects.toThrow(cannotBeUsed(name))
    }
    writeFileSync(name, good)
    expect(await list()).toHaveLength(1)
    renameSync(name, join(folder, 'x509-svid.ES256.000001.jwe'))
    await expect(list()).rejects.toThrow(cannotBeUsed('it was renamed'))
  })

  it('two replicas that make the same key at once agree on one, and read it whole', async () => {
    for (let round = 0; round < 20; round++) {
      const folder = newFolder()
      const replicas = await Promise.all(Array.from({ length: 4 }, () => openEncryptedFiles(folder, KEK)))
      const seen = await Promise.all(
        replicas.map(async (store) => {
          await store.generate(place(), NOW)
          return store.list()
        }),
      )
      expect(new Set(seen.flat().map(({ kid }) => kid)).size).toBe(1)
      const [kid = ''] = seen.flat().map((key) => key.kid)
      const [first, second] = replicas
      const key = createPublicKey({ key: seen[0]?.[0]?.publicJwk as JWK, format: 'jwk' })
      for (const store of [first, second])
        expect(
          verify('sha256', DATA, { key, dsaEncoding: 'ieee-p1363' }, (await store?.sign(kid, DATA)) as Uint8Array),
        ).toBe(true)
      expect(readdirSync(folder)).toHaveLength(1)
    }
  })

  it('the key-encryption key must be there, whole, and not for everybody’s eyes', () => {
    const path = join(root, 'kek')
    const refuses = (why: string) => expect(() => readKeyEncryptionKey(path)).toThrow(cannotBeUsed(why))
    refuses('CREDENCE_KEYS_KEK_FILE')
    for (const size of [0, 31, 33]) {
      writeFileSync(path, randomBytes(size), { mode: 0o600 })
      refuses('exactly 32 random bytes')
    }
    writeFileSync(path, KEK)
    for (const mode of [0o644, 0o602, 0o666]) {
      chmodSync(path, mode)
      refuses('everybody')
    }
    for (const mode of [0o600, 0o400, 0o640]) {
      chmodSync(path, mode)
      expect(readKeyEncryptionKey(path)).toEqual(KEK)
    }
  })
})
