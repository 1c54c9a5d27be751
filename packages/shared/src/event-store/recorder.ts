/**
 * The way into a stream of records: commits that expect nothing of what stands there already, many at once, each
 * acknowledged by itself. What arrives in one turn of the event loop leaves in one write.
 *
 * Each record is its own message with its own acknowledgement, on every server. The batches of newer servers were
 * measured (nats-server 2.14.6, 1,550 bytes a message, 64 at once, µs of server and client together): acknowledged one
 * by one 26, fast ingest 23, atomic batches 37 (137 with eight in a batch: each is a store of its own on disk). Fast
 * ingest would take the position of each record for that, and one refused record would end the batch of the others.
 */

import type { StreamName } from '@credence/contracts/streams'
import type { Commit } from './commit.ts'
import { createPublisher, type Publisher, type PublisherOptions } from './publisher.ts'
import { encodeRecord } from './recorder-message.ts'

export type Recorder = Pick<Publisher, 'waiting' | 'stop'> & {
  /**
   * Writes one commit and tells its sequence once the server has acknowledged that it is stored. Every other outcome is
   * an error. The same commit again (its id is what counts) is stored once, and answers with the sequence it has.
   * @throws CredenceError as a publisher does (publisher.ts)
   * @throws CredenceError `invalid_argument` for a commit that is too large; Error for a fact that does not fit its schema
   */
  record(subject: string, commit: Commit, withinMs?: number): Promise<number>
}

export type RecorderOptions = PublisherOptions & { stream: StreamName }

export function createRecorder(options: RecorderOptions): Recorder {
  const { stream } = options
  const { publish, waiting, stop } = createPublisher(options)
  return {
    record: (subject, commit, within) => publish(subject, () => encodeRecord(stream, commit), within),
    waiting,
    stop,
  }
}
