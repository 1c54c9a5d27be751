/**
 * The erasable directory: who a pseudonym is. A key-value bucket, so that a person can be forgotten while every record
 * and proof that names the pseudonym stays as it is.
 */
import { createHash } from 'node:crypto'
import { unavailable } from '@credence/contracts/errors'
import type { Bus } from '@credence/shared/bus/connect'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import { newId } from '@credence/shared/ids'
import { type KV, Kvm } from '@nats-io/kv'
import { z } from 'zod'
import type { Directory } from '../../api/context.ts'

const Entry = z.object({ human: z.string(), issuer: z.string(), subject: z.string(), display_name: z.string() })

const REMEMBERED = 10_000

const keyOf = (issuer: string, subject: string): string =>
  `person.${createHash('sha256')
    .update(JSON.stringify([issuer, subject]))
    .digest('base64url')}`

export async function openDirectory(parts: {
  bus: Bus
  writer: Writer
  clock: Clock
  source: string
}): Promise<Directory> {
  const bucket = await new Kvm(parts.bus.connection).open('identity_directory')
  const known = new Map<string, string>()

  async function resolve(issuer: string, subject: string, displayName: string): Promise<string> {
    const key = keyOf(issuer, subject)
    const remembered = known.get(key)
    if (remembered) return remembered
    const human =
      (await read(bucket, key))?.human ?? (await recognise(key, { issuer, subject, display_name: displayName }))
    if (known.size >= REMEMBERED) known.clear()
    known.set(key, human)
    return human
  }

  /** The event first: a pseudonym in the directory has always been recorded. A lost race takes the winner's. */
  async function recognise(
    key: string,
    person: { issuer: string; subject: string; display_name: string },
  ): Promise<string> {
    const human = newId('hum')
    const about = { actor: { kind: 'workload' as const, id: parts.source }, now: parts.clock() }
    await parts.writer.record(
      `credence.identity.human.${human}`,
      [{ type: 'credence.identity.human.recognised.v1', data: { human } }],
      about,
    )
    const entry = JSON.stringify({ human, ...person })
    try {
      await bucket.create(key, entry)
    } catch (error) {
      const winner = await read(bucket, key)
      if (winner) return winner.human
      throw unavailable('directory_down', 'The directory cannot be written now.', error)
    }
    await bucket.put(`name.${human}`, person.display_name)
    return human
  }

  return {
    resolve,
    nameOf: async (human) => (await bucket.get(`name.${human}`))?.string() ?? '',
  }
}

async function read(bucket: KV, key: string): Promise<z.infer<typeof Entry> | undefined> {
  const found = await bucket.get(key).catch((error) => {
    throw unavailable('directory_down', 'The directory cannot be read now.', error)
  })
  return found && found.operation === 'PUT' ? Entry.parse(found.json()) : undefined
}
