import type { StreamName } from '@credence/contracts/streams'
import type { Bus } from '../bus/connect.ts'
import { decodeCommit, type RecordedCommit } from './commit.ts'

/** The commit at a place of a stream; undefined when there is none. @throws Error for one that does not fit its schema */
export async function readCommit(bus: Bus, stream: StreamName, sequence: number): Promise<RecordedCommit | undefined> {
  const message = await bus.jsm.streams.getMessage(stream, { seq: sequence })
  if (!message) return undefined
  const { subject, header: headers, data } = message
  return decodeCommit({ subject, headers, data }, stream, sequence)
}
