import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog } from '@credence/shared/log'
import fc from 'fast-check'
import { decodeProtectedHeader, jwtVerify, SignJWT } from 'jose'
import { afterAll, describe, expect, it } from 'vitest'
import type { KeyUse, SigningAlgorithm } from '../../api/context.ts'
import { authorityCertificate } from '../svid/certificates.ts'
import { openEncryptedFiles } from './encrypted-files.ts'
import { type KeyRing, openKeyRing } from './key-ring.ts'
import type { KeyStore } from './key-store.ts'

const root = mkdtempSync(join(tmpdir(), 'credence-ring-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const DAY = 86_400
const KEK = new Uint8Array(randomBytes(32))
const START = Date.UTC(2026, 0, 1)
const TOKEN_ALGORITHMS: SigningAlgorithm[] = ['ES256', 'EdDSA', 'RS256']
let folders = 0

/** A folder of keys, its replicas, and the time of day, which a test moves. */
function world(rotationSeconds = 30 * DAY) {
  const folder = join(root, `ring-${folders++}`)
  const time = { now: START }
  const open = async (store?: KeyStore): Promise<KeyRing> =>
    openKeyRing({
      store: store ?? (await openEncryptedFiles(folder, KEK)),
      clock: () => new Date(time.now),
      log: createLog('test', 'silent'),
      rotationSeconds,
      certify: authorityCertificate('acme.example'),
    })
  const pass = (seconds: number) => {
    time.now += seconds * 1000
  }
  const seconds = () => Math.floor(time.now / 1000)
  const token = (ring: KeyRing, life = 60, alg: SigningAlgorithm = 'ES256', use: KeyUse = 'token') =>
    ring.sign(use, { typ: 'test+jwt', alg }, { exp: seconds() + life })
  const verify = (ring: KeyRing, jws: string, use: KeyUse = 'token') =>
    jwtVerify(jws, ring.verifier(use), { typ: 'test+jwt', currentDate: new Date(time.now) })
  return { folder, time, open, pass, seconds, token, verify }
}
const kidOf = (jws: string) => decodeProtectedHeader(jws).kid

describe('the key ring', () => {
  it('signs by the key of each use and algorithm, and verifies by exactly that one', async () => {
    const { open, token, verify, seconds } = world()
    const ring = await open()
    const made = [...TOKEN_ALGORITHMS.map((alg) => ['token', alg] as const), ['jwt-svid', 'ES256'] as const]
    for (const [use, alg] of made) {
      const jws = await token(ring, 60, alg, use)
      expect(decodeProtectedHeader(jws)).toMatchObject({ alg, typ: 'test+jwt', kid: expect.any(String) })
      expect((await verify(ring, jws, use)).payload.exp).toBe(seconds() + 60)
      // A key of one use is none of another.
      for (const other of ['token', 'jwt-svid', 'x509-svid'] as const)
        if (other !== use) await expect(verify(ring, jws, other)).rejects.toThrow('no applicable key')
    }
    expect(ring.published('token').map(({ alg }) => alg)).toEqual(TOKEN_ALGORITHMS)
    expect(ring.published('jwt-svid').map(({ alg }) => alg)).toEqual(['ES256'])
    for (const use of ['token', 'jwt-svid', 'x509-svid'] as const)
      for (const key of ring.published(use))
        for (const member of ['d', 'p', 'q', 'dp', 'k']) expect(key).not.toHaveProperty(member)
  })

  it('an unknown kid, none, or an algorithm that is not the key’s finds no key', async () => {
    const { open, verify, seconds } = world()
    const ring = await open()
    const [es256, eddsa] = ring.published('token')
    const secret = randomBytes(32)
    const bent = (header: object) =>
      new SignJWT({ exp: seconds() + 60 }).setProtectedHeader({ alg: 'HS256', typ: 'test+jwt', ...header }).sign(secret)
    for (const header of [{}, { kid: 'else' }, { kid: es256?.kid }, { kid: eddsa?.kid }, { kid: '' }])
      await expect(verify(ring, await bent(header))).rejects.toThrow('no applicable key')
    const find = ring.verifier('token')
    for (const header of [
      { alg: 'EdDSA', kid: es256?.kid },
      { alg: 'ES256', kid: eddsa?.kid },
      { alg: 'none', kid: es256?.kid },
    ])
      await expect((async () => find(header as never, {} as never))()).rejects.toThrow('no applicable key')
  })

  it('nothing is signed that lives longer than its key is published', async () => {
    const { open, token } = world()
    const ring = await open()
    await token(ring, 30 * DAY)
    await token(ring, 300, 'ES256', 'jwt-svid')
    for (const [use, life] of [
      ['token', 30 * DAY + 1],
      ['jwt-svid', 301],
    ] as const)
      await expect(token(ring, life, 'ES256', use)).rejects.toThrow(
        expect.objectContaining({ reason: 'outlives_its_key' }),
      )
    await expect(ring.sign('token', { typ: 'x' }, {} as never)).rejects.toThrow('must end')
  })

  it('rotates: the next key is published an hour before it signs, the one before until all that it signed has ended', async () => {
    const { open, pass, token, verify, folder } = world()
    const ring = await open()
    const first = await token(ring, 30 * DAY)
    pass(30 * DAY - 1)
    const last = await token(ring, 30 * DAY)
    expect(kidOf(last)).toBe(kidOf(first))
    pass(1)
    await ring.maintain()
    expect(ring.published('token').filter(({ alg }) => alg === 'ES256')).toHaveLength(2)
    pass(3_599)
    const still = await token(ring, 30 * DAY)
    expect(kidOf(still)).toBe(kidOf(first))
    pass(1)
    const next = await token(ring)
    expect(kidOf(next)).not.toBe(kidOf(first))
    for (const jws of [last, still, next]) await verify(ring, jws)
    pass(29 * DAY)
    await ring.maintain()
    for (const jws of [last, still]) await verify(ring, jws)
    pass(2 * DAY)
    await ring.maintain()
    await expect(verify(ring, still)).rejects.toThrow('no applicable key')
    // What is over is gone from the disk as well, of every use.
    for (const use of ['token.ES256', 'token.EdDSA', 'token.RS256', 'jwt-svid.ES256', 'x509-svid.ES256'])
      expect(readdirSync(folder)).not.toContain(`${use}.000001.jwe`)
  })

  it('law: what any replica signs, any replica verifies until it expires, whatever rotations happen', async () => {
    const act = fc.record({
      wait: fc.oneof(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 0, max: 12 * DAY })),
      replica: fc.nat({ max: 2 }),
      restart: fc.boolean(),
      life: fc.integer({ min: 1, max: 30 * DAY }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 25 }), async (acts) => {
        const { open, pass, token, verify, seconds, folder } = world(20 * DAY)
        const rings = await Promise.all([open(), open(), open()])
        const about: { jws: string; exp: number }[] = []
        for (const { wait, replica, restart, life } of acts) {
          pass(wait)
          if (restart) rings[replica] = await open()
          await (rings[replica] as KeyRing).maintain()
          about.push({ jws: await token(rings[(replica + 1) % 3] as KeyRing, life), exp: seconds() + life })
          for (const { jws, exp } of about) if (exp > seconds()) for (const ring of rings) await verify(ring, jws)
        }
        rmSync(folder, { recursive: true })
      }),
      { numRuns: 12 },
    )
  })

  it('two replicas that start at once have the same keys, the same CA certificate and the same sequence', async () => {
    const { open, token, verify } = world()
    const [one, two] = await Promise.all([open(), open()])
    for (const use of ['token', 'jwt-svid', 'x509-svid'] as const)
      expect(one.published(use)).toEqual(two.published(use))
    expect(one.published('x509-svid')[0]?.x5c).toHaveLength(1)
    expect(one.publishedSince()).toBe(two.publishedSince())
    await verify(two, await token(one))
    await verify(one, await token(two))
  })

  it('a replica that cannot read the store verifies on, and stops signing before a key that it does not know begins', async () => {
    const { folder, open, pass, token, verify } = world()
    const store = await openEncryptedFiles(folder, KEK)
    let broken = false
    const list = () => (broken ? Promise.reject(new Error('the disk is away')) : store.list())
    const ring = await open({ ...store, list })
    const before = await token(ring, DAY)
    broken = true
    pass(1_800)
    await token(ring)
    pass(1)
    await expect(token(ring)).rejects.toThrow(
      expect.objectContaining({ status: 'unavailable', reason: 'key_store_down' }),
    )
    await verify(ring, before)
    broken = false
    await verify(ring, await token(ring))
  })
})
