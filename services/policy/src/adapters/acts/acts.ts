/** What was told of acts, in a key-value bucket that forgets by itself; and the key of their digests, in another one. */
import { createHmac, randomBytes } from 'node:crypto'
import { unavailable } from '@credence/contracts/errors'
import { isConflict } from '@credence/shared/bus/conflict'
import type { Bus } from '@credence/shared/bus/connect'
import { Kvm } from '@nats-io/kv'
import { z } from 'zod'
import type { Acts } from '../../api/acts.ts'
import { canonicalAct } from './canonical.ts'

const Told = z.strictObject({
  amount: z.strictObject({ currency: z.string(), value: z.string() }).optional(),
  arguments: z.string().optional(),
  properties: z.string().optional(),
  statement: z.string().optional(),
  comments: z.array(z.strictObject({ human: z.string(), text: z.string() })).optional(),
})

export async function openActs(bus: Bus): Promise<Acts> {
  const secret = await openSecret(bus)
  // Reads ask the leader: what one replica kept is found by the next request, on any replica.
  const bucket = await new Kvm(bus.js).open('policy_acts', { allow_direct: false })
  return {
    digest: (act) => createHmac('sha256', secret).update(canonicalAct(act)).digest('hex'),
    keep: async (decision, told) => {
      await reached(bus, () => bucket.put(decision, JSON.stringify(told)))
    },
    told: async (decision) => {
      const found = await reached(bus, () => bucket.get(decision))
      return found?.operation === 'PUT' ? Told.parse(found.json()) : undefined
    },
    erase: (decision) => reached(bus, () => bucket.purge(decision)),
  }
}

/** The first replica makes it, the others find it. @returns 32 random bytes */
async function openSecret(bus: Bus): Promise<Buffer> {
  const bucket = await new Kvm(bus.js).open('policy_secret', { allow_direct: false })
  const made = randomBytes(32)
  const first = await reached(bus, () =>
    bucket.create('acts', made).then(
      () => true,
      (error) => {
        if (isConflict(error)) return false
        throw error
      },
    ),
  )
  if (first) return made
  const found = await reached(bus, () => bucket.get('acts'))
  if (found?.operation !== 'PUT') throw unavailable('acts_down', 'The key of acts was deleted just now. Start again.')
  return Buffer.from(found.value)
}

async function reached<T>(bus: Bus, work: () => Promise<T>): Promise<T> {
  const away = 'What was told of acts cannot be reached now. Try again.'
  if (!bus.connected()) throw unavailable('acts_down', away)
  return work().catch((error) => {
    throw unavailable('acts_down', away, error)
  })
}
