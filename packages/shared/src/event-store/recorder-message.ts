/** A commit as a message that is ready to go: what `append` sends as well, with headers made at a quarter of the cost. */

import { CredenceError } from '@credence/contracts/errors'
import type { StreamName } from '@credence/contracts/streams'
import { type MsgHdrs, MsgHdrsImpl } from '@nats-io/transport-node'
import { type Commit, encodeBody } from './commit.ts'

/** Anything that could end a header, or is not ASCII. */
const NOT_PLAIN = /[^ -~]/

/** Headers whose bytes are there already. The client asks headers for nothing else when it publishes. */
export class ReadyHeaders extends MsgHdrsImpl {
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    super()
    this.#bytes = bytes
  }

  override encode(): Uint8Array {
    return this.#bytes
  }
}

/**
 * The message of a commit, with the message id `<stream>:<commit id>` and the stream that must take it. What costs in
 * `encodeCommit` are the headers, so only these are written by hand. Every fact is still checked against its zod schema
 * (`encodeBody`): a check compiled from that schema was measured and saves 1.4 of the 65 µs that a recorded answer costs.
 * @throws CredenceError `internal` for a header value that is not plain text; and what `encodeBody` throws
 */
export function encodeRecord(stream: StreamName, commit: Commit): { headers: MsgHdrs; payload: Uint8Array } {
  const payload = encodeBody(commit)
  const { id, facts, source, subject, time, traceparent = '' } = commit
  const type = facts[0]?.type ?? ''
  if (NOT_PLAIN.test(`${id}${type}${source}${subject}${time}${traceparent}`))
    throw new CredenceError('internal', 'bad_header', 'A header of a record is not plain text.')
  const text =
    `NATS/1.0\r\nce-specversion: 1.0\r\nce-id: ${id}\r\nce-type: ${type}\r\nce-source: ${source}\r\n` +
    `ce-subject: ${subject}\r\nce-time: ${time}\r\ncontent-type: application/json\r\n` +
    `${traceparent && `traceparent: ${traceparent}\r\n`}` +
    `Nats-Msg-Id: ${stream}:${id}\r\nNats-Expected-Stream: ${stream}\r\n\r\n`
  return { headers: new ReadyHeaders(Buffer.from(text, 'latin1')), payload }
}
