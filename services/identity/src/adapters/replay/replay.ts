/**
 * Single use of assertions and proofs, for all replicas: an insert that fails when the key is there (JetStream KV
 * `create`). The engine's own check reads and then writes, which lets parallel copies through.
 */
import { createHash } from 'node:crypto'
import { unavailable } from '@credence/contracts/errors'
import { isConflict } from '@credence/shared/bus/conflict'
import type { Bus } from '@credence/shared/bus/connect'
import { Kvm } from '@nats-io/kv'
import type { Replay } from '../../api/context.ts'

export async function openReplay(bus: Bus): Promise<Replay> {
  const bucket = await new Kvm(bus.js).open('identity_replay')
  return {
    first: async (space, owner, jti) => {
      if (!bus.connected()) throw unavailable('replay_store_down', 'Proofs cannot be checked for replay now.')
      const key = createHash('sha256')
        .update(JSON.stringify([space, owner, jti]))
        .digest('base64url')
      try {
        // A put that expects no earlier revision is the insert: unlike `create` it never falls back to a read.
        await bucket.put(key, '', { previousSeq: 0 })
        return true
      } catch (error) {
        if (isConflict(error)) return false
        throw unavailable('replay_store_down', 'Proofs cannot be checked for replay now.', error)
      }
    },
  }
}
