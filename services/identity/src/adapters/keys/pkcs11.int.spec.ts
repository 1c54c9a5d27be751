import { createPublicKey, verify } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigurationError } from '@credence/shared/config'
import { createLog } from '@credence/shared/log'
import { decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newToken, softHsmMissing, softHsmModule } from '../../testing/softhsm.ts'
import { authorityCertificate } from '../svid/certificates.ts'
import { CKA, CKO, loadCryptoki } from './cryptoki.ts'
import { openKeyRing } from './key-ring.ts'
import type { KeyStore } from './key-store.ts'
import { openPkcs11 } from './pkcs11.ts'

const DATA = Buffer.from('what is signed')
const DAY = 86_400
const module = softHsmModule ?? ''

describe.skipIf(!softHsmModule)(
  `signing keys in a PKCS#11 token${softHsmModule ? '' : ` (skipped: ${softHsmMissing})`}`,
  () => {
    const root = mkdtempSync(join(tmpdir(), 'credence-hsm-'))
    let token: ReturnType<typeof newToken>
    const open = (part: object = {}) => openPkcs11({ module, tokenLabel: token.label, pinFile: token.pinFile, ...part })
    const opened: KeyStore[] = []

    beforeAll(() => {
      token = newToken(root, 'credence')
      // Of this test's own process (pool: forks); the module reads it when it is loaded.
      Object.assign(process.env, token.environment)
    })
    afterAll(async () => {
      for (const store of opened) await store.close()
      rmSync(root, { recursive: true, force: true })
    })

    it('RFC 7518 §3.3, §3.4 and RFC 8037 §3.1, a key is made in it, signs in it, in the form of JWS, and is destroyed in it', async () => {
      const store = await open()
      for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const)
        await store.generate({ use: 'token', algorithm, generation: 1 }, new Date(1_700_000_000_123))
      const keys = await store.list()
      expect(keys.map(({ algorithm }) => algorithm).toSorted()).toEqual(['ES256', 'EdDSA', 'RS256'])
      for (const { kid, publicJwk, algorithm, createdAt, certificate } of keys) {
        expect(createdAt.getTime()).toBe(1_700_000_000_123)
        expect(certificate).toBeUndefined()
        const key = createPublicKey({ key: publicJwk, format: 'jwk' })
        const hash = algorithm === 'EdDSA' ? null : 'sha256'
        const signatures = await Promise.all(Array.from({ length: 32 }, () => store.sign(kid, DATA)))
        for (const signature of signatures)
          expect(verify(hash, DATA, { key, dsaEncoding: 'ieee-p1363' }, signature), algorithm).toBe(true)
        // Another process finds it by its label alone.
        const other = await open()
        expect((await other.list()).find((one) => one.kid === kid)).toMatchObject({
          algorithm,
          generation: 1,
          publicJwk,
        })
        await store.destroy(kid)
        await store.destroy(kid)
        expect((await other.list()).map((one) => one.kid)).not.toContain(kid)
        await expect(store.sign(kid, DATA)).rejects.toThrow(expect.objectContaining({ reason: 'signing_key_gone' }))
      }
      expect(await store.list()).toEqual([])
    })

    it('PKCS#11 §4.9, no private key can be read out of it', async () => {
      const store = await open()
      await store.generate({ use: 'token', algorithm: 'ES256', generation: 1 }, new Date())
      const cryptoki = await loadCryptoki(module)
      const slot = (await cryptoki.tokens()).find(({ label }) => label === token.label)?.slot ?? -1
      const session = await cryptoki.openSession(slot)
      const found = await cryptoki.find(session, [[CKA.CLASS, CKO.PRIVATE_KEY]])
      expect(found).toHaveLength(1)
      for (const key of found) {
        for (const [attribute, value] of [
          [CKA.SENSITIVE, 1],
          [CKA.EXTRACTABLE, 0],
        ] as const)
          expect((await cryptoki.attribute(session, key, attribute))[0]).toBe(value)
        // CKR_ATTRIBUTE_SENSITIVE
        await expect(cryptoki.attribute(session, key, CKA.VALUE)).rejects.toThrow('0x11')
      }
      await cryptoki.closeSession(session)
      for (const { kid } of await store.list()) await store.destroy(kid)
    })

    it('the key ring lives in it: signs, rotates, certifies, and two replicas agree', async () => {
      const time = { now: Date.UTC(2026, 0, 1) }
      const ring = async () => {
        const store = await open()
        opened.push(store)
        const certify = authorityCertificate('acme.example')
        const log = createLog('test', 'silent')
        return openKeyRing({ store, clock: () => new Date(time.now), log, rotationSeconds: 30 * DAY, certify })
      }
      const [one, two] = await Promise.all([ring(), ring()])
      // Opened at once, each may have looked before the other had made its keys; it looks again for one that it does not know.
      time.now += 10_000
      const exp = (life: number) => Math.floor(time.now / 1000) + life
      const check = (jws: string, by = two) => jwtVerify(jws, by.verifier('token'), { currentDate: new Date(time.now) })
      const before = await one.sign('token', { typ: 'JWT' }, { exp: exp(30 * DAY) })
      for (const alg of ['ES256', 'EdDSA', 'RS256'] as const)
        await check(await one.sign('token', { typ: 'JWT', alg }, { exp: exp(60) }))
      await one.maintain()
      await two.maintain()
      expect(one.published('x509-svid')).toEqual(two.published('x509-svid'))
      expect(one.publishedSince()).toBe(two.publishedSince())
      expect((await one.authority()).certificate.length).toBeGreaterThan(100)

      time.now += 30 * DAY * 1000
      await Promise.all([one.maintain(), two.maintain()])
      time.now += 3_600 * 1000
      await Promise.all([one.maintain(), two.maintain()])
      const after = await two.sign('token', { typ: 'JWT' }, { exp: exp(60) })
      expect(decodeProtectedHeader(after).kid).not.toBe(decodeProtectedHeader(before).kid)
      await check(after, one)
      time.now -= 7_200 * 1000
      await check(before)
      time.now += 40 * DAY * 1000
      await one.maintain()
      await two.maintain()
      expect(one.published('token').map(({ kid }) => kid)).not.toContain(decodeProtectedHeader(before).kid)
    })

    it('a broken session is replaced, and its work done again', async () => {
      const store = await open()
      opened.push(store)
      await store.generate({ use: 'jwt-svid', algorithm: 'ES256', generation: 99 }, new Date())
      const key = (await store.list()).find(({ generation }) => generation === 99)
      const cryptoki = await loadCryptoki(module)
      // As after an outage of the device: every session of this process is gone, and the log-in with them.
      for (let session = 1; session < 200; session++) await cryptoki.closeSession(session)
      const signature = await store.sign(key?.kid ?? '', DATA)
      const publicKey = createPublicKey({ key: key?.publicJwk ?? {}, format: 'jwk' })
      expect(verify('sha256', DATA, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true)
    })

    it('what is configured wrongly is said by the name of its variable', async () => {
      const refuses = (part: object, name: string) =>
        expect(open(part)).rejects.toThrow(
          expect.objectContaining({ constructor: ConfigurationError, message: expect.stringContaining(name) }),
        )
      await refuses({ module: '/nowhere/module.so' }, 'CREDENCE_KEYS_PKCS11_MODULE')
      await refuses({ tokenLabel: 'other' }, 'CREDENCE_KEYS_PKCS11_TOKEN_LABEL')
      await refuses({ pinFile: '/nowhere' }, 'CREDENCE_KEYS_PKCS11_PIN_FILE')
      const wrong = join(root, 'wrong.pin')
      writeFileSync(wrong, '000000')
      // While another session of this process is logged in, PKCS#11 does not ask for the PIN again.
      for (const store of opened.splice(0)) await store.close()
      const cryptoki = await loadCryptoki(module)
      for (let session = 1; session < 200; session++) await cryptoki.closeSession(session)
      await refuses({ pinFile: wrong }, 'CREDENCE_KEYS_PKCS11_PIN_FILE')
    })
  },
)
