import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream'

const CODES: number[] = [
  JetStreamApiCodes.StreamWrongLastSequence,
  // What a clustered server answers while the other write is still under way.
  JetStreamApiCodes.StreamWrongLastSequenceUnknown,
]

/** Whether a write under an expected sequence was refused because somebody else wrote first, or is about to. */
export const isConflict = (error: unknown): boolean => error instanceof JetStreamApiError && CODES.includes(error.code)
