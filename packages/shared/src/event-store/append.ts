/** The only way a fact gets into a stream. */

import { unavailable } from '@credence/contracts/errors'
import type { StreamName } from '@credence/contracts/streams'
import { JetStreamApiError } from '@nats-io/jetstream'
import { BUS_TIMEOUT_MS, type Bus } from '../bus/connect.ts'
import { type Commit, encodeCommit } from './commit.ts'

export type Appended =
  | { kind: 'stored'; sequence: number }
  /** An earlier attempt of this very commit had succeeded. */
  | { kind: 'already mine'; sequence: number }
  /** Somebody else wrote to the subject first. */
  | { kind: 'conflict' }

const WRONG_LAST_SEQUENCE = 10071

/**
 * Appends one commit under the expected last sequence of its subject (0: the subject is new; undefined: no expectation).
 * The message id is `<stream>:<commit id>`. An outcome that the server did not tell is settled by reading the subject's
 * last message; it is never reported as a conflict.
 * @throws CredenceError `unavailable` when the outcome stays unknown
 */
export async function append(
  bus: Bus,
  stream: StreamName,
  subject: string,
  commit: Commit,
  expected?: number,
): Promise<Appended> {
  if (!bus.connected()) throw unavailable('nats_down', 'The event store is away; nothing was changed. Try again.')
  const { headers, payload } = encodeCommit(commit)
  try {
    const ack = await bus.js.publish(subject, payload, {
      msgID: `${stream}:${commit.id}`,
      headers,
      timeout: BUS_TIMEOUT_MS,
      expect: { streamName: stream, ...(expected === undefined ? {} : { lastSubjectSequence: expected }) },
    })
    return { kind: ack.duplicate ? 'already mine' : 'stored', sequence: ack.seq }
  } catch (error) {
    return settle(bus, stream, subject, commit, error)
  }
}

/** Reads the subject's last message (from the leader) to learn what became of an append. */
async function settle(
  bus: Bus,
  stream: StreamName,
  subject: string,
  commit: Commit,
  cause: unknown,
): Promise<Appended> {
  const refused = cause instanceof JetStreamApiError && cause.code === WRONG_LAST_SEQUENCE
  const last = await bus.jsm.streams.getMessage(stream, { last_by_subj: subject }).catch(() => undefined)
  if (last && last.header.get('ce-id') === commit.id) return { kind: 'already mine', sequence: last.seq }
  if (refused) return { kind: 'conflict' }
  throw unavailable('append_unknown', 'The event store did not confirm in time; read before you try again.', cause)
}
