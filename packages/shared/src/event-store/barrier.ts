/**
 * A read barrier: what was acknowledged before somebody asked is applied before they get their answer, however far the
 * followers lag. This is what makes "refused from the next call on" a promise and not a race. It is the "read index" of
 * replicated logs: one question to the server serves everybody who asks in one turn of the event loop, or while the
 * question before is under way.
 *
 * The question is each stream's info, which only its leader answers. Cheaper ones were measured and left: a direct get is
 * answered by any replica, however stale, and asking for the next message says "not found" of one that cannot be read.
 */

import { unavailable } from '@credence/contracts/errors'
import type { Msg } from '@nats-io/transport-node'
import type { Bus } from '../bus/connect.ts'
import { createExchange, type Encoded } from '../bus/exchange.ts'
import type { Follower } from './follow.ts'

/** @throws CredenceError `unavailable` when the server does not answer, or this process does not keep up */
export type Barrier = () => Promise<void>

const WITHIN_MS = 800

export function createBarrier(bus: Bus, followers: readonly Follower[]): Barrier {
  /** For all who came since the last question was sent: that one may not know what they know. */
  let next: Promise<void> | undefined
  let sent: Promise<unknown> = Promise.resolve()
  const exchange = createExchange({ bus, read: lastSequenceIn, unsent: silent, unknown: silent, withinMs: WITHIN_MS })

  async function ask(question: () => Encoded): Promise<void> {
    await Promise.all(
      followers.map(async (follower) => {
        const last = await exchange.ask(`$JS.API.STREAM.INFO.${follower.stream}`, question).catch((error) => {
          throw silent(error)
        })
        await follower.reached(last, WITHIN_MS)
      }),
    )
  }
  async function askNext(before: Promise<unknown>): Promise<void> {
    await before
    let left = false
    const leaving = () => {
      // Who came until now shares this question; who comes from now on has another.
      if (!left) next = undefined
      left = true
    }
    const answered = ask(() => ({ payload: NOTHING, leaving })).finally(leaving)
    sent = answered.catch(() => undefined)
    await answered
  }
  return () => {
    if (!bus.connected()) return Promise.reject(unavailable('nats_down', 'The event store is away.'))
    next ??= askNext(sent)
    return next
  }
}

const NOTHING = new Uint8Array()

const silent = (cause?: unknown) =>
  unavailable('nats_down', 'The event store does not answer, so nothing can be known to be current.', cause)

type StreamInfo = { state?: { last_seq?: unknown }; error?: unknown }

/** An empty message: nobody answers for this stream (503). */
function lastSequenceIn(message: Msg): number | Error {
  try {
    const { state, error } = message.json<StreamInfo>()
    if (!error && Number.isSafeInteger(state?.last_seq)) return state?.last_seq as number
  } catch {
    // Not what a server says.
  }
  return silent()
}
