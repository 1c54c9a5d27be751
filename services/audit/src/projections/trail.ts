/** Follows TRAIL into the log (tree, tiles, checkpoints), and knows which origin positions it holds. */
import type { Origin } from '@credence/contracts/streams'
import type { Bus } from '@credence/shared/bus/connect'
import { type Follower, follow } from '@credence/shared/event-store/follow'
import { messageOf, type Log as ServiceLog } from '@credence/shared/log'
import { placeOf } from '../domain/entry.ts'
import type { Log } from './log.ts'

export type Trail = { follower: Follower; sequenced: (origin: Origin) => number; stop(): Promise<void> }

/** A checkpoint is made when there is something new, and at least this often. */
const SEAL_MS = 200

/** @throws Error from the follower (it halts) when TRAIL has a gap or a repetition of an origin */
export async function followTrail(options: {
  bus: Bus
  log: ServiceLog
  tree: Log
  onHalt: (error: Error) => void
}): Promise<Trail> {
  const { bus, log, tree, onHalt } = options
  const follower = await follow({ bus, log, stream: 'TRAIL', after: tree.size(), onHalt }, (message) => {
    const { origin, sequence } = placeOf(message.data)
    const before = tree.positions()[origin] ?? 0
    if (sequence !== before + 1)
      throw new Error(`TRAIL ${message.seq} holds ${origin}:${sequence} after ${origin}:${before}`)
    tree.add(Buffer.from(message.data), { ...tree.positions(), [origin]: sequence })
  })
  const timer = setInterval(() => {
    tree.seal().catch((error) => onHalt(new Error(`checkpoint: ${messageOf(error)}`)))
  }, SEAL_MS)
  return {
    follower,
    sequenced: (origin) => tree.positions()[origin] ?? 0,
    stop: async () => {
      clearInterval(timer)
      await follower.stop()
      await tree.seal()
    },
  }
}
