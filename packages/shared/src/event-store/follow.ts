/**
 * Follows one stream in order and keeps what is folded from it current. It catches up, goes live, tells when it is
 * current, and halts on a gap or on a message that it cannot read: a read model is right or it says so.
 */

import { setImmediate as otherTurns } from 'node:timers/promises'
import { unavailable } from '@credence/contracts/errors'
import type { StreamName } from '@credence/contracts/streams'
import { type ConsumerMessages, DeliverPolicy, type JsMsg } from '@nats-io/jetstream'
import { type Bus, patiently } from '../bus/connect.ts'
import { type Log, messageOf } from '../log.ts'
import { decodeCommit, type RecordedCommit } from './commit.ts'

export type Follower = {
  stream: StreamName
  /** Sequence of the last message that was applied; 0 before the first. */
  position(): number
  /** True while the server is heard (a message or a heartbeat in the last three seconds) and nothing halted. */
  fresh(): boolean
  /** Resolves when `sequence` was applied. @throws CredenceError `unavailable` after `withinMs` */
  reached(sequence: number, withinMs: number): Promise<void>
  /** Resolves when everything that was there at the start was applied. */
  caughtUp: Promise<void>
  stop(): Promise<void>
}

export type FollowOptions = {
  bus: Bus
  log: Log
  stream: StreamName
  /** Last sequence that is applied already. */
  after?: number
  /** Called when the stream cannot be followed any further. */
  onHalt?: (error: Error) => void
}

const HEARD_WITHIN_MS = 3_000
const EXPIRES_MS = 2_000
/** How many messages are applied before others get their turn. */
const TURN = 200

/** Follows a stream of commits. */
export const followCommits = (options: FollowOptions, apply: (commit: RecordedCommit) => void): Promise<Follower> =>
  follow(options, (message) => apply(decodeCommit(message, options.stream, message.seq)))

/**
 * Follows the raw messages of a stream; `apply` is called once for each, in order. While it is busy (a promise) nothing
 * more is taken, and soon nothing more is fetched: that is the back-pressure.
 */
export async function follow(
  options: FollowOptions,
  apply: (message: JsMsg) => void | Promise<void>,
): Promise<Follower> {
  const { bus, log, stream } = options
  let position = options.after ?? 0
  let heard = Date.now()
  let halted: Error | undefined
  let stopping = false
  let messages: ConsumerMessages | undefined
  const waiting = new Set<{ sequence: number; resolve: () => void }>()

  const target = (await patiently(() => bus.jsm.streams.info(stream))).state.last_seq
  const halt = (error: Error) => {
    if (halted || stopping) return
    halted = error
    log.error('halted', { stream, sequence: position, error: error.message })
    void messages?.close()
    options.onHalt?.(error)
  }
  const take = (message: JsMsg): void | Promise<void> => {
    heard = Date.now()
    if (message.seq <= position) return
    if (message.seq !== position + 1) throw new Error(`gap: ${message.seq} follows ${position}`)
    const applied = apply(message)
    return applied ? applied.then(() => arrived(message.seq)) : arrived(message.seq)
  }
  const arrived = (sequence: number): void => {
    position = sequence
    for (const waiter of waiting)
      if (waiter.sequence <= position) {
        waiting.delete(waiter)
        waiter.resolve()
      }
  }
  const reached = (sequence: number, withinMs: number): Promise<void> => {
    if (position >= sequence) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const late = () => {
        waiting.delete(waiter)
        reject(
          unavailable('not_current', `${stream} has been read to ${position}, and ${sequence} is needed. Try again.`),
        )
      }
      const timer = setTimeout(late, withinMs)
      const arrive = () => {
        clearTimeout(timer)
        resolve()
      }
      const waiter = { sequence, resolve: arrive }
      waiting.add(waiter)
    })
  }

  const from = { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: position + 1 }
  const consumer = await patiently(() => bus.js.consumers.get(stream, from))
  messages = await consumer.consume({ max_messages: 5_000, expires: EXPIRES_MS })
  void listen(messages)
  void takeAll(messages).catch((error) => halt(error instanceof Error ? error : new Error(messageOf(error))))
  async function takeAll(live: ConsumerMessages) {
    let taken = 0
    for await (const message of live) {
      if (halted || stopping) return
      // What waits here already comes without a pause: answers to requests must get their turn within their time.
      if (++taken % TURN === 0) await otherTurns()
      // Most are applied at once, and a promise for each would be a good part of a replay.
      const applied = take(message)
      if (applied) await applied
    }
    if (!stopping) throw new Error('the server ended the consumer')
  }
  async function listen(live: ConsumerMessages) {
    for await (const status of live.status())
      if (status.type === 'heartbeat' || status.type === 'next') heard = Date.now()
  }
  return {
    stream,
    position: () => position,
    fresh: () => !halted && bus.connected() && Date.now() - heard < HEARD_WITHIN_MS,
    reached,
    caughtUp: reached(target, 2 ** 31 - 1),
    stop: async () => {
      stopping = true
      await messages.close()
    },
  }
}
