/**
 * The keys of this service over time: which signs, which are published, when another is made and the oldest destroyed.
 * All of that follows from what the key store holds (domain/key-schedule.ts), so replicas agree without a leader. A
 * replica that has not read the store for half of the lead time does not sign: until then no key can have begun to
 * sign that it does not know.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { CredenceError, unavailable } from '@credence/contracts/errors'
import type { Clock } from '@credence/shared/clock'
import { type Log, messageOf } from '@credence/shared/log'
import { errors, type JWTVerifyGetKey } from 'jose'
import type { Authority, Keys, KeyUse, PublishedKey, SigningAlgorithm } from '../../api/context.ts'
import {
  currentKey,
  finishedKeys,
  isRotationDue,
  type KeySchedule,
  lastChange,
  publishedKeys,
  signsFrom,
} from '../../domain/key-schedule.ts'
import type { Certify, KeyStore, StoredKey } from './key-store.ts'

/** What is kept: for each use its algorithms, the longest life of what it signs, and how long a key stays after that. */
const USES: Record<KeyUse, { algorithms: SigningAlgorithm[]; lifeSeconds: number; marginSeconds: number }> = {
  // A delegation token lives as long as its delegation: 30 days at most.
  token: { algorithms: ['ES256', 'EdDSA', 'RS256'], lifeSeconds: 30 * 86_400, marginSeconds: 86_400 },
  'jwt-svid': { algorithms: ['ES256'], lifeSeconds: 300, marginSeconds: 900 },
  'x509-svid': { algorithms: ['ES256'], lifeSeconds: 3_600, marginSeconds: 3_600 },
}
const ALL_USES = Object.keys(USES) as KeyUse[]
const LONGEST_LEAD_SECONDS = 3_600
const LONGEST_TICK_MS = 60_000
/** An unknown key in a token makes a replica look again, but not more often. */
const LOOK_AGAIN_MS = 1_000

export type KeyRing = Keys & {
  /** Every key that there is, published or about to go, and from when on it signs. */
  all(): (StoredKey & { signsFrom: Date })[]
  /** Reads the store, makes keys that are due, destroys those whose time is over. */
  maintain(): Promise<void>
  /** How often to do so. */
  tickMs: number
}

type OpenKey = StoredKey & { publicKey: KeyObject }

/** @throws CredenceError or ConfigurationError when the store cannot be used */
export async function openKeyRing(options: {
  store: KeyStore
  clock: Clock
  log: Log
  rotationSeconds: number
  /** Makes the CA certificate of a key that issues X.509-SVIDs. */
  certify: Certify
}): Promise<KeyRing> {
  const { store, clock, log, rotationSeconds } = options
  const leadSeconds = Math.min(LONGEST_LEAD_SECONDS, rotationSeconds / 4)
  const scheduleOf = (use: KeyUse): KeySchedule => {
    const { lifeSeconds, marginSeconds } = USES[use]
    return { rotationSeconds, leadSeconds, overlapSeconds: lifeSeconds + marginSeconds }
  }
  let keys: readonly OpenKey[] = []
  let readAt = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined

  const of = (use: KeyUse, algorithm: SigningAlgorithm) =>
    keys.filter((key) => key.use === use && key.algorithm === algorithm)
  const published = (use: KeyUse) =>
    USES[use].algorithms.flatMap((algorithm) => publishedKeys(of(use, algorithm), scheduleOf(use), clock()))

  /** One reading at a time; who asks during one gets the one under way. */
  const read = (): Promise<void> => {
    reading ??= readStore().finally(() => {
      reading = undefined
    })
    return reading
  }
  async function readStore(): Promise<void> {
    const begun = clock().getTime()
    const found = await store.list()
    const known = new Map(keys.map((key) => [key.kid, key]))
    keys = found.map((key) => known.get(key.kid) ?? opened(key))
    readAt = begun
  }

  async function makeDue(): Promise<boolean> {
    let made = false
    for (const use of ALL_USES)
      for (const algorithm of USES[use].algorithms) {
        const there = of(use, algorithm)
        if (!isRotationDue(there, scheduleOf(use), clock())) continue
        const generation = Math.max(0, ...there.map((key) => key.generation)) + 1
        await store.generate({ use, algorithm, generation }, clock(), use === 'x509-svid' ? options.certify : undefined)
        made = true
      }
    return made
  }
  async function destroyFinished(): Promise<void> {
    for (const use of ALL_USES)
      for (const algorithm of USES[use].algorithms)
        for (const { kid } of finishedKeys(of(use, algorithm), scheduleOf(use), clock())) await store.destroy(kid)
  }
  async function maintain(): Promise<void> {
    await read()
    const made = await makeDue()
    await destroyFinished()
    if (made) await readStore()
  }

  async function signer(use: KeyUse, algorithm: SigningAlgorithm): Promise<OpenKey> {
    if (isStale()) await read().catch((error) => log.warn('key store', { error: messageOf(error) }))
    const key = currentKey(of(use, algorithm), scheduleOf(use), clock())
    if (key && !isStale()) return key
    throw unavailable('key_store_down', 'The key store cannot be read, so nothing is signed. Try again.')
  }
  const isStale = () => clock().getTime() - readAt > (leadSeconds / 2) * 1000

  await maintain()
  return {
    tickMs: Math.min(LONGEST_TICK_MS, (leadSeconds / 8) * 1000),
    all: () =>
      keys.map((key) => ({ ...key, signsFrom: signsFrom(key, of(key.use, key.algorithm), scheduleOf(key.use)) })),
    maintain,
    sign: async (use, { typ, alg = 'ES256' }, claims) => {
      refuseOutliving(use, claims, clock())
      const { kid } = await signer(use, alg)
      const input = `${encoded({ alg, typ, kid })}.${encoded(claims)}`
      const signature = await store.sign(kid, Buffer.from(input))
      return `${input}.${Buffer.from(signature).toString('base64url')}`
    },
    verifier: (use): JWTVerifyGetKey => {
      const find = ({ kid, alg }: { kid?: string; alg?: string }) =>
        published(use).find((key) => key.kid === kid && key.algorithm === alg)?.publicKey
      return async (header) => {
        const found = find(header)
        if (found) return found
        if (clock().getTime() - readAt > LOOK_AGAIN_MS) await read()
        const now = find(header)
        if (now) return now
        throw new errors.JWKSNoMatchingKey()
      }
    },
    leadSeconds,
    published: (use) => published(use).map(shown),
    publishedSince: () =>
      Math.max(
        ...ALL_USES.flatMap((use) =>
          USES[use].algorithms.map((algorithm) => lastChange(of(use, algorithm), scheduleOf(use), clock())),
        ),
      ),
    authority: async (): Promise<Authority> => {
      const { kid, certificate } = await signer('x509-svid', 'ES256')
      if (!certificate) throw new Error('a key of the CA without its certificate')
      return { certificate, sign: (bytes) => store.sign(kid, bytes) }
    },
  }
}

const opened = (key: StoredKey): OpenKey => ({
  ...key,
  publicKey: createPublicKey({ key: key.publicJwk, format: 'jwk' }),
})
const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')

const shown = ({ publicJwk, kid, algorithm, certificate }: StoredKey): PublishedKey => ({
  ...publicJwk,
  kid,
  alg: algorithm,
  ...(certificate ? { x5c: [Buffer.from(certificate).toString('base64')] } : {}),
})

/** Everything ends, and before its key does. */
function refuseOutliving(use: KeyUse, claims: { exp: number }, now: Date): void {
  const { exp } = claims
  if (typeof exp === 'number' && exp * 1000 <= now.getTime() + USES[use].lifeSeconds * 1000) return
  throw new CredenceError('internal', 'outlives_its_key', `What is signed for ${use} must end within its time.`)
}
