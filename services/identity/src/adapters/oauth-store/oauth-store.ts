/**
 * What the authorization server keeps between two requests, for all replicas, in a key-value bucket that forgets by
 * itself. Ids are codes and cookies: only their hash is stored, under the name of their model, so that one kind never
 * passes for another (CVE-2026-4282). Reads ask the leader: what was kept is found, on any replica, at once.
 */
import { createHash, randomBytes } from 'node:crypto'
import { unavailable } from '@credence/contracts/errors'
import { isConflict } from '@credence/shared/bus/conflict'
import type { Bus } from '@credence/shared/bus/connect'
import { type KvEntry, Kvm } from '@nats-io/kv'
import type { OAuthStore } from '../../api/context.ts'

const keyOf = (model: string, id: string): string =>
  `${model}.${createHash('sha256')
    .update(JSON.stringify([model, id]))
    .digest('base64url')}`

export async function openOAuthStore(bus: Bus): Promise<OAuthStore> {
  const bucket = await new Kvm(bus.js).open('identity_oauth', { allow_direct: false })

  const entry = async (key: string): Promise<KvEntry | undefined> => {
    const found = await reached(bus, () => bucket.get(key))
    return found?.operation === 'PUT' ? found : undefined
  }
  return {
    put: async (model, id, value) => {
      await reached(bus, () => bucket.put(keyOf(model, id), JSON.stringify(value)))
    },
    get: async (model, id) => (await entry(keyOf(model, id)))?.json<Record<string, unknown>>(),
    consume: async (model, id) => {
      const key = keyOf(model, id)
      const found = await entry(key)
      const value = found?.json<Record<string, unknown>>()
      if (!found || !value || value.consumed !== undefined) return false
      const used = JSON.stringify({ ...value, consumed: Math.floor(Date.now() / 1000) })
      return first(bus, () => bucket.put(key, used, { previousSeq: found.revision }))
    },
    claim: (model, id) => first(bus, () => bucket.create(keyOf(model, id), '{}')),
    remove: async (model, id) => {
      await reached(bus, () => bucket.purge(keyOf(model, id)))
    },
  }
}

/**
 * The secret from which nonces and challenges are made (RFC 9449 §8): the first replica makes it, the others find it.
 * @returns 64 random bytes
 */
export async function openChallengeSecret(bus: Bus): Promise<Buffer> {
  const bucket = await new Kvm(bus.js).open('identity_challenges', { allow_direct: false })
  const made = randomBytes(64)
  if (await first(bus, () => bucket.create('secret', made))) return made
  const found = await reached(bus, () => bucket.get('secret'))
  if (found?.operation !== 'PUT')
    throw unavailable('oauth_store_down', 'The secret of challenges was deleted just now.')
  return Buffer.from(found.value)
}

/** @returns false when somebody else wrote first */
const first = (bus: Bus, write: () => Promise<number>): Promise<boolean> =>
  reached(bus, async () => {
    try {
      await write()
      return true
    } catch (error) {
      if (isConflict(error)) return false
      throw error
    }
  })

async function reached<T>(bus: Bus, work: () => Promise<T>): Promise<T> {
  const away = 'What the authorization server keeps cannot be reached now.'
  if (!bus.connected()) throw unavailable('oauth_store_down', away)
  return work().catch((error) => {
    throw unavailable('oauth_store_down', away, error)
  })
}
