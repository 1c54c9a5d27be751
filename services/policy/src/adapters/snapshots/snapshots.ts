/** Snapshots and their parts by digest, in a KV bucket: each is written once, by whichever replica needs it first. */
import { unavailable } from '@credence/contracts/errors'
import { isConflict } from '@credence/shared/bus/conflict'
import type { Bus } from '@credence/shared/bus/connect'
import { sha256 } from '@credence/shared/digest'
import { createPublisher } from '@credence/shared/event-store/publisher'
import { ReadyHeaders } from '@credence/shared/event-store/recorder-message'
import { Kvm } from '@nats-io/kv'
import type { KeptSituation, Kind, Situation } from '../../domain/situation.ts'
import type { KeepSnapshot } from '../../projections/snapshots.ts'

export type SnapshotStore = {
  keep: KeepSnapshot
  /** @returns undefined when it, or a part of it, is not there or was altered */
  read(digest: string): Promise<Situation | undefined>
  stop(): Promise<void>
}

const BUCKET = 'policy_snapshots'
/** A value of a KV bucket that must not be there yet (NATS ADR-8), as the client would write it. */
const NEW = new ReadyHeaders(Buffer.from('NATS/1.0\r\nNats-Expected-Last-Subject-Sequence: 0\r\n\r\n'))

export async function openSnapshots(bus: Bus): Promise<SnapshotStore> {
  const bucket = await new Kvm(bus.js).open(BUCKET)
  const publisher = createPublisher({ bus, stream: `KV_${BUCKET}` })
  const textOf = async (digest: string): Promise<string | undefined> => {
    const text = (await bucket.get(digest))?.string()
    return text !== undefined && sha256(text) === digest ? text : undefined
  }
  return {
    keep: (digest, text) =>
      publisher
        .publish(`$KV.${BUCKET}.${digest}`, () => ({ headers: NEW, payload: Buffer.from(text) }))
        .then(() => undefined, refuseOther),
    read: async (digest) => {
      const text = await textOf(digest)
      if (text === undefined) return undefined
      const { parts, ...situation } = JSON.parse(text) as KeptSituation & Situation
      for (const [kind, digests] of Object.entries(parts)) {
        const states: [string, unknown][] = []
        for (const [id, part] of Object.entries(digests)) {
          const state = await textOf(part)
          if (state === undefined) return undefined
          states.push([id, JSON.parse(state)])
        }
        situation[kind as Kind] = Object.fromEntries(states)
      }
      return situation
    },
    stop: publisher.stop,
  }
}

/** That it is there already is as good. */
function refuseOther(error: unknown): void {
  if (!(error instanceof Error && isConflict(error.cause)))
    throw unavailable('snapshot_not_kept', 'What the decision knew could not be kept.', error)
}
