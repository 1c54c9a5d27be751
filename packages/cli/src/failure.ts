/** How a command fails: what, why, what to do; and an exit code that scripts can rely on. */
import { CredenceError, type Status } from '@credence/contracts/errors'

/** The command was used wrongly. */
export class Usage extends Error {}

export const EXIT = { ok: 0, error: 1, usage: 2, denied: 3, notReady: 4 } as const

/** A failure that was explained already, with the exit code that belongs to it. */
export class Explained extends Error {
  readonly code: number
  constructor(text: string, code: number) {
    super(text)
    this.code = code
  }
}

const CODES: Partial<Record<Status, number>> = {
  invalid_argument: EXIT.usage,
  permission_denied: EXIT.denied,
  unauthenticated: EXIT.denied,
  unavailable: EXIT.notReady,
  deadline_exceeded: EXIT.notReady,
}

/** One or two lines for a person, and the exit code. */
export function explainFailure(error: unknown): { text: string; code: number } {
  if (error instanceof Usage) return { text: error.message, code: EXIT.usage }
  if (error instanceof Explained) return { text: error.message, code: error.code }
  if (!(error instanceof CredenceError))
    return { text: error instanceof Error ? error.message : String(error), code: EXIT.error }
  const advice: Partial<Record<Status, string>> = {
    unauthenticated: '\nLog in again: credence login --session <name>',
    unavailable: '\nIs it running? The logs of the development stack are in .credence/dev/logs',
  }
  return {
    text: `${error.message} (${error.reason})${advice[error.status] ?? ''}`,
    code: CODES[error.status] ?? EXIT.error,
  }
}
