/**
 * The erasable directory: who a pseudonym is. A key-value bucket, so that a person can be forgotten while every record
 * and proof that names the pseudonym stays as it is.
 */
import { createHash } from 'node:crypto'
import { unavailable } from '@credence/contracts/errors'
import type { HumanState } from '@credence/contracts/principals/human'
import type { Bus } from '@credence/shared/bus/connect'
import type { Clock } from '@credence/shared/clock'
import type { Aggregates, Writer } from '@credence/shared/event-store/aggregates'
import { newId } from '@credence/shared/ids'
import { type KV, type KvEntry, Kvm } from '@nats-io/kv'
import { z } from 'zod'
import type { Directory } from '../../api/context.ts'
import { recogniseHuman } from '../../domain/human.ts'

const Entry = z.object({ human: z.string(), issuer: z.string(), subject: z.string(), display_name: z.string() })
type Person = Omit<z.infer<typeof Entry>, 'human'>

const REMEMBERED = 10_000

const keyOf = (issuer: string, subject: string): string =>
  `person.${createHash('sha256')
    .update(JSON.stringify([issuer, subject]))
    .digest('base64url')}`

export async function openDirectory(parts: {
  bus: Bus
  principals: { humans: Aggregates<HumanState>; human: (id: string) => HumanState }
  writer: Writer
  clock: Clock
  source: string
}): Promise<Directory> {
  const { bus } = parts
  const bucket = await new Kvm(bus.js).open('identity_directory')
  const known = new Map<string, { human: Promise<string>; named: boolean }>()

  /** What is remembered here may have been forgotten by way of another replica. */
  async function resolve(issuer: string, subject: string, displayName: string): Promise<string> {
    const key = keyOf(issuer, subject)
    const person = { issuer, subject, display_name: displayName }
    const human = await recall(key, person)
    if (!parts.principals.human(human)?.forgotten) return human
    known.delete(key)
    return recall(key, person)
  }

  /** Callers of one moment share one look-up: a person who is seen for the first time twenty times gets one name. */
  function recall(key: string, person: Person): Promise<string> {
    const named = person.display_name !== ''
    const remembered = known.get(key)
    if (remembered && (remembered.named || !named)) return remembered.human
    if (known.size >= REMEMBERED) known.clear()
    const human = findOrName(key, person)
    known.set(key, { human, named })
    human.catch(() => known.delete(key))
    return human
  }

  async function findOrName(key: string, person: Person): Promise<string> {
    const found = await read(bus, bucket, key)
    if (!found) return recognise(key, person)
    // First met as somebody's manager, say: the name comes with the person.
    if (person.display_name && !found.display_name && !(await nameOf(found.human)))
      await written(bucket.put(`name.${found.human}`, person.display_name))
    return found.human
  }

  const nameOf = async (human: string): Promise<string> => (await entry(bus, bucket, `name.${human}`))?.string() ?? ''

  /** The event first: a pseudonym in the directory has always been recorded. A lost race takes the winner's. */
  async function recognise(key: string, person: Person): Promise<string> {
    const human = newId('hum')
    await parts.writer.execute(parts.principals.humans, {
      id: human,
      actor: { kind: 'workload', id: parts.source },
      now: parts.clock(),
      decide: (state) => recogniseHuman(state, human),
    })
    // First the way back from the pseudonym, so that whatever is kept of a person can be found and erased.
    await written(bucket.put(`key.${human}`, key))
    try {
      await bucket.create(key, JSON.stringify({ human, ...person }))
    } catch (error) {
      const winner = await read(bus, bucket, key)
      if (winner) return winner.human
      throw unavailable('directory_down', 'The directory cannot be written now.', error)
    }
    await written(bucket.put(`name.${human}`, person.display_name))
    return human
  }

  return {
    resolve,
    find: async (issuer, subject) => {
      const key = keyOf(issuer, subject)
      return (await known.get(key)?.human) ?? (await read(bus, bucket, key))?.human
    },
    nameOf,
    place: async (issuer, subject, displayName) => {
      const human = await resolve(issuer, subject, displayName)
      if (displayName) await written(bucket.put(`name.${human}`, displayName))
      return human
    },
    forget: async (human) => {
      const way = await entry(bus, bucket, `key.${human}`)
      const key = way?.string()
      await written(bucket.purge(`name.${human}`))
      if (!key) return
      // Another's entry under the same key: this pseudonym lost a race on first sight, or was forgotten before.
      if ((await read(bus, bucket, key))?.human === human) await written(bucket.purge(key))
      await written(bucket.purge(`key.${human}`))
      known.delete(key)
    },
  }
}

const written = (work: Promise<unknown>): Promise<unknown> =>
  work.catch((error) => {
    throw unavailable('directory_down', 'The directory cannot be written now.', error)
  })

async function read(bus: Bus, bucket: KV, key: string): Promise<z.infer<typeof Entry> | undefined> {
  const found = await entry(bus, bucket, key)
  return found && found.operation === 'PUT' ? Entry.parse(found.json()) : undefined
}

async function entry(bus: Bus, bucket: KV, key: string): Promise<KvEntry | null> {
  if (!bus.connected()) throw unavailable('directory_down', 'The directory cannot be read now.')
  return bucket.get(key).catch((error) => {
    throw unavailable('directory_down', 'The directory cannot be read now.', error)
  })
}
