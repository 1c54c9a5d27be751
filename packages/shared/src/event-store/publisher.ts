/** Messages into a stream, many at once, each acknowledged by itself. */

import { unavailable } from '@credence/contracts/errors'
import { type ApiError, JetStreamApiError } from '@nats-io/jetstream'
import type { Msg } from '@nats-io/transport-node'
import type { Bus } from '../bus/connect.ts'
import { createExchange, type Encoded, type Exchange } from '../bus/exchange.ts'

export type Publisher = Pick<Exchange<number>, 'waiting' | 'stop'> & {
  /**
   * Tells the sequence once the server has acknowledged that the message is stored. Every other outcome is an error.
   * @param make is called once there is room for it; what it throws is thrown
   * @throws CredenceError `unavailable`: `nats_down`, `stopping` and `not_recorded`: nothing was written (its cause is the
   * server's answer, when there was one); `record_unknown`: not acknowledged in time or the connection was lost, and it may
   * have been written
   * @throws CredenceError `resource_exhausted` when too many wait already; nothing was written
   */
  publish(subject: string, make: () => Encoded, withinMs?: number): Promise<number>
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

const notRecorded = (cause?: unknown) =>
  unavailable('not_recorded', 'The event store refused the record, so nothing was written. Try again.', cause)
const unknown = () =>
  unavailable('record_unknown', 'The event store did not confirm the record in time; it may have been written.')

export function createPublisher({ stream, ...options }: PublisherOptions): Publisher {
  const read = (message: Msg) => sequenceIn(message, stream)
  const { ask, waiting, stop } = createExchange({ ...options, read, unsent: notRecorded, unknown })
  return { publish: ask, waiting, stop }
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
