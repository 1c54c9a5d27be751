/**
 * Messages into a stream, many at once, each acknowledged by itself. What arrives in one turn of the event loop leaves in
 * one write: the client's own `publish` makes a request with timers and promises of its own for each.
 */

import { CredenceError, unavailable } from '@credence/contracts/errors'
import { type ApiError, JetStreamApiError } from '@nats-io/jetstream'
import { createInbox, type Msg, type MsgHdrs } from '@nats-io/transport-node'
import { BUS_TIMEOUT_MS, type Bus } from '../bus/connect.ts'

export type Encoded = { headers: MsgHdrs; payload: Uint8Array }

export type Publisher = {
  /**
   * Tells the sequence once the server has acknowledged that the message is stored. Every other outcome is an error.
   * @param make is called once there is room for it; what it throws is thrown
   * @throws CredenceError `unavailable`: `nats_down`, `stopping` and `not_recorded`: nothing was written (its cause is the
   * server's answer, when there was one); `record_unknown`: not acknowledged in time or the connection was lost, and it may
   * have been written
   * @throws CredenceError `resource_exhausted` when too many wait already; nothing was written
   */
  publish(subject: string, make: () => Encoded, withinMs?: number): Promise<number>
  /** How many wait for their acknowledgement. */
  waiting(): number
  /** Takes no more, and resolves when what waits has its answer. */
  stop(): Promise<void>
}

export type PublisherOptions = {
  bus: Bus
  /** The one that must acknowledge. */
  stream: string
  /** How many may wait for their acknowledgement at once. */
  atMost?: number
  /** How long one message may wait, in milliseconds. */
  withinMs?: number
}

/** About what a server acknowledges within the deadline: who came later would wait for nothing. */
const AT_MOST = 8_192

/** How often it is looked for records whose time is over: one timer for all of them. */
const LOOK_MS = 25

type Waiting = { deadline: number; resolve: (sequence: number) => void; reject: (error: Error) => void }
type Message = { token: string; subject: string; headers: MsgHdrs; payload: Uint8Array }

const notRecorded = (cause?: unknown) =>
  unavailable('not_recorded', 'The event store refused the record, so nothing was written. Try again.', cause)
const unknown = () =>
  unavailable('record_unknown', 'The event store did not confirm the record in time; it may have been written.')

export function createPublisher(options: PublisherOptions): Publisher {
  const { bus, stream, atMost = AT_MOST, withinMs = BUS_TIMEOUT_MS } = options
  const { connection } = bus
  const inbox = `${createInbox(bus.inboxPrefix)}.`
  const waiting = new Map<string, Waiting>()
  let unsent: Message[] = []
  let serial = 0
  let looking: NodeJS.Timeout | undefined
  let stopped: { promise: Promise<void>; resolve: () => void } | undefined
  const answers = connection.subscribe(`${inbox}*`, {
    callback: (error, message) => {
      if (!error) answered(message)
    },
  })

  function take(token: string): Waiting | undefined {
    const waiter = waiting.get(token)
    waiting.delete(token)
    if (stopped && waiting.size === 0) stopped.resolve()
    return waiter
  }
  /** What comes after its deadline finds nobody. */
  function answered(message: Msg): void {
    const waiter = take(message.subject.slice(inbox.length))
    if (!waiter) return
    const outcome = sequenceIn(message, stream)
    if (typeof outcome === 'number') waiter.resolve(outcome)
    else waiter.reject(outcome)
  }
  function send(): void {
    const messages = unsent
    unsent = []
    for (const { token, subject, headers, payload } of messages) {
      try {
        connection.publish(subject, payload, { headers, reply: inbox + token })
      } catch (error) {
        take(token)?.reject(notRecorded(error))
      }
    }
  }
  /** Ends those whose time is over, and all when the connection is lost: an acknowledgement that was on its way is gone. */
  function look(): void {
    const now = performance.now()
    const lost = !bus.connected()
    for (const [token, { deadline }] of waiting) if (lost || deadline <= now) take(token)?.reject(unknown())
    looking = waiting.size > 0 ? setTimeout(look, LOOK_MS) : undefined
  }
  function enqueue(subject: string, make: () => Encoded, within: number): Promise<number> {
    if (stopped) throw unavailable('stopping', 'This service is stopping; nothing was written. Try again.')
    if (!bus.connected()) throw unavailable('nats_down', 'The event store is away; nothing was written. Try again.')
    if (waiting.size >= atMost)
      throw new CredenceError('resource_exhausted', 'record_queue_full', 'Too many wait to be recorded. Try again.')
    const { headers, payload } = make()
    const token = (serial++).toString(36)
    if (unsent.push({ token, subject, headers, payload }) === 1) setImmediate(send)
    looking ??= setTimeout(look, LOOK_MS)
    return new Promise((resolve, reject) => {
      waiting.set(token, { deadline: performance.now() + within, resolve, reject })
    })
  }
  return {
    publish: (subject, make, within = withinMs) => {
      try {
        return enqueue(subject, make, within)
      } catch (error) {
        return Promise.reject(error)
      }
    },
    waiting: () => waiting.size,
    stop: async () => {
      stopped ??= Promise.withResolvers<void>()
      if (waiting.size === 0) stopped.resolve()
      await stopped.promise
      clearTimeout(looking)
      answers.unsubscribe()
    },
  }
}

type Acknowledgement = { stream?: unknown; seq?: unknown; error?: ApiError }

/** The sequence that an acknowledgement names, or why there is none. An empty message: no stream listens (503). */
function sequenceIn(message: Msg, stream: string): number | Error {
  if (message.data.length === 0) return notRecorded()
  let ack: Acknowledgement
  try {
    ack = message.json<Acknowledgement>()
  } catch {
    return unknown()
  }
  if (ack.error) return notRecorded(new JetStreamApiError(ack.error))
  return ack.stream === stream && Number.isSafeInteger(ack.seq) && (ack.seq as number) > 0
    ? (ack.seq as number)
    : unknown()
}
