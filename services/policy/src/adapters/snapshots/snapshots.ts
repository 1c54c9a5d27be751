/** Snapshots by their digest, in a KV bucket: each is written once, by whichever replica needs it first. */
import { unavailable } from '@credence/contracts/errors'
import { isConflict } from '@credence/shared/bus/conflict'
import type { Bus } from '@credence/shared/bus/connect'
import { sha256 } from '@credence/shared/digest'
import { Kvm } from '@nats-io/kv'
import type { Situation } from '../../domain/situation.ts'
import type { KeepSnapshot } from '../../projections/snapshots.ts'

export type SnapshotStore = { keep: KeepSnapshot; read(digest: string): Promise<Situation | undefined> }

export async function openSnapshots(bus: Bus): Promise<SnapshotStore> {
  const bucket = await new Kvm(bus.js).open('policy_snapshots')
  return {
    keep: async (digest, text) => {
      try {
        await bucket.put(digest, text, { previousSeq: 0 })
      } catch (error) {
        if (!isConflict(error))
          throw unavailable('snapshot_not_kept', 'What the decision knew could not be kept.', error)
      }
    },
    read: async (digest) => {
      const entry = await bucket.get(digest)
      if (!entry) return undefined
      const text = entry.string()
      return sha256(text) === digest ? (JSON.parse(text) as Situation) : undefined
    },
  }
}
