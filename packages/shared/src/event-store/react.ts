/**
 * A reaction: events of others become commands of ours. The handler must be idempotent, because a crash between its
 * effect and the acknowledgement brings the event again. One event at a time, in order; one that fails is tried again
 * for as long as it takes, and never skipped.
 */
import type { ConsumerMessages } from '@nats-io/jetstream'
import { type Bus, patiently } from '../bus/connect.ts'
import { REACTIONS, type ReactionName } from '../bus/streams.ts'
import { type Log, messageOf } from '../log.ts'
import { traced } from '../telemetry.ts'
import { decodeCommit, type RecordedCommit } from './commit.ts'

export type Reaction = { stop(): Promise<void> }

const RETRY_MS = 500

/** Starts a reaction on its durable consumer (which the bootstrap made). Any number of replicas may share it. */
export async function react(
  options: { bus: Bus; log: Log; name: ReactionName },
  handle: (commit: RecordedCommit) => Promise<void>,
): Promise<Reaction> {
  const { bus, log, name } = options
  const { stream } = REACTIONS[name]
  let stopped = false
  let live: ConsumerMessages | undefined
  const consumer = await patiently(() => bus.js.consumers.get(stream, name))

  async function run(): Promise<void> {
    live = await consumer.consume({ max_messages: 1, expires: 5_000 })
    for await (const message of live) {
      const sequence = message.info.streamSequence
      try {
        const commit = decodeCommit(message, stream, sequence)
        await traced(`react ${name}`, 'consumer', commit.traceparent, () => handle(commit))
        await message.ackAck()
      } catch (error) {
        log.error('reaction failed', { durable: name, stream, sequence, error: messageOf(error) })
        message.nak(RETRY_MS)
      }
    }
  }
  const running = (async () => {
    while (!stopped) {
      await run().catch((error) => log.error('reaction interrupted', { durable: name, error: messageOf(error) }))
      if (!stopped) await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  })()
  return {
    stop: async () => {
      stopped = true
      await live?.close()
      await running
    },
  }
}
