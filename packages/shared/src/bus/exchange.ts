/**
 * Questions to the server, many at once, each with its own answer. What is asked in one turn of the event loop leaves in
 * one write: the client's own `request` makes a timer, promises and an error object for each, and writes each by itself.
 */

import { CredenceError, unavailable } from '@credence/contracts/errors'
import { createInbox, type Msg, type MsgHdrs } from '@nats-io/transport-node'
import { BUS_TIMEOUT_MS, type Bus } from './connect.ts'

/** `leaving` is called when it is sent. */
export type Encoded = { headers?: MsgHdrs; payload: Uint8Array; leaving?: () => void }

export type Exchange<Answer> = {
  /**
   * @param make is called once there is room for it; what it throws is thrown
   * @throws CredenceError `unavailable`: `nats_down` and `stopping`, when nothing was sent; Error as the options say
   * @throws CredenceError `resource_exhausted` when too many wait already; nothing was sent
   */
  ask(subject: string, make: () => Encoded, withinMs?: number): Promise<Answer>
  /** How many wait for their answer. */
  waiting(): number
  /** Takes no more, and resolves when what waits has its answer. */
  stop(): Promise<void>
}

export type ExchangeOptions<Answer> = {
  bus: Bus
  /** What an answer says, or why it says nothing. */
  read: (message: Msg) => Answer | Error
  /** The client could not send it. */
  unsent: (cause: unknown) => Error
  /** No answer came in time, or the connection was lost. */
  unknown: () => Error
  /** How many may wait for their answer at once. */
  atMost?: number
  /** How long one may wait, in milliseconds. */
  withinMs?: number
}

/** About what a server acknowledges within the deadline: who came later would wait for nothing. */
const AT_MOST = 8_192

/** How often it is looked for those whose time is over: one timer for all of them. */
const LOOK_MS = 25

type Waiting<Answer> = { deadline: number; resolve: (answer: Answer) => void; reject: (error: Error) => void }

/** What leaves on a connection when this turn of the event loop is over, whoever asks: the client writes it at once. */
const leaving = new WeakMap<Bus, (() => void)[]>()
function soon(bus: Bus, send: () => void): void {
  const known = leaving.get(bus)
  if (known) {
    known.push(send)
    return
  }
  const all = [send]
  leaving.set(bus, all)
  setImmediate(() => {
    leaving.delete(bus)
    for (const one of all) one()
  })
}

export function createExchange<Answer>(options: ExchangeOptions<Answer>): Exchange<Answer> {
  const { bus, read, unsent, unknown, atMost = AT_MOST, withinMs = BUS_TIMEOUT_MS } = options
  const { connection } = bus
  const inbox = `${createInbox(bus.inboxPrefix)}.`
  const waiting = new Map<string, Waiting<Answer>>()
  let serial = 0
  let looking: NodeJS.Timeout | undefined
  let stopped: { promise: Promise<void>; resolve: () => void } | undefined
  const answers = connection.subscribe(`${inbox}*`, {
    callback: (error, message) => {
      if (!error) answered(message)
    },
  })

  function take(token: string): Waiting<Answer> | undefined {
    const waiter = waiting.get(token)
    waiting.delete(token)
    if (stopped && waiting.size === 0) stopped.resolve()
    return waiter
  }
  /** What comes after its deadline finds nobody. */
  function answered(message: Msg): void {
    const waiter = take(message.subject.slice(inbox.length))
    if (!waiter) return
    const outcome = read(message)
    if (outcome instanceof Error) waiter.reject(outcome)
    else waiter.resolve(outcome)
  }
  function send(token: string, subject: string, { headers, payload, leaving }: Encoded): void {
    const reply = inbox + token
    leaving?.()
    try {
      connection.publish(subject, payload, headers ? { headers, reply } : { reply })
    } catch (error) {
      take(token)?.reject(unsent(error))
    }
  }
  /** Ends those whose time is over, and all when the connection is lost: an answer that was on its way is gone. */
  function look(): void {
    const now = performance.now()
    const lost = !bus.connected()
    for (const [token, { deadline }] of waiting) if (lost || deadline <= now) take(token)?.reject(unknown())
    looking = waiting.size > 0 ? setTimeout(look, LOOK_MS) : undefined
  }
  function enqueue(subject: string, make: () => Encoded, within: number): Promise<Answer> {
    if (stopped) throw unavailable('stopping', 'This service is stopping; nothing was written. Try again.')
    if (!bus.connected()) throw unavailable('nats_down', 'The event store is away; nothing was written. Try again.')
    if (waiting.size >= atMost)
      throw new CredenceError('resource_exhausted', 'record_queue_full', 'Too many wait to be recorded. Try again.')
    const encoded = make()
    const token = (serial++).toString(36)
    soon(bus, () => send(token, subject, encoded))
    looking ??= setTimeout(look, LOOK_MS)
    return new Promise((resolve, reject) => {
      waiting.set(token, { deadline: performance.now() + within, resolve, reject })
    })
  }
  return {
    ask: (subject, make, within = withinMs) => {
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
