/**
 * A read barrier: what was acknowledged before somebody asked is applied before they get their answer, however far the
 * followers lag. This is what makes "refused from the next call on" a promise and not a race. It is the "read index" of
 * replicated logs: one question to the server serves everybody who asks while the one before is under way.
 */

import { unavailable } from '@credence/contracts/errors'
import type { Bus } from '../bus/connect.ts'
import type { Follower } from './follow.ts'

/** @throws CredenceError `unavailable` when the server does not answer, or this process does not keep up */
export type Barrier = () => Promise<void>

const WITHIN_MS = 800

export function createBarrier(bus: Bus, followers: readonly Follower[]): Barrier {
  let asking: Promise<void> | undefined
  let next: Promise<void> | undefined

  async function ask(): Promise<void> {
    await Promise.all(
      followers.map(async (follower) => {
        const { state } = await bus.jsm.streams.info(follower.stream).catch((error) => {
          throw unavailable(
            'nats_down',
            'The event store does not answer, so nothing can be known to be current.',
            error,
          )
        })
        await follower.reached(state.last_seq, WITHIN_MS)
      }),
    )
  }
  const begin = (): Promise<void> => {
    const begun = ask().finally(() => {
      if (asking === begun) asking = undefined
    })
    asking = begun
    return begun
  }
  return () => {
    if (!bus.connected()) return Promise.reject(unavailable('nats_down', 'The event store is away.'))
    if (!asking) return begin()
    // The question under way was sent before this caller came: it may not know what they know. The next one will.
    next ??= asking
      .catch(() => undefined)
      .then(() => {
        next = undefined
        return begin()
      })
    return next
  }
}
