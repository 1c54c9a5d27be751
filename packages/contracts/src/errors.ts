/** The one error that crosses rooms: a canonical status, a stable reason code, and a sentence that says what to do. */

export type Status =
  | 'invalid_argument'
  | 'unauthenticated'
  | 'permission_denied'
  | 'not_found'
  | 'already_exists'
  | 'failed_precondition'
  | 'resource_exhausted'
  | 'aborted'
  | 'deadline_exceeded'
  | 'unavailable'
  | 'internal'

export type FieldViolation = { field: string; description: string }

export class CredenceError extends Error {
  readonly status: Status
  readonly reason: string
  readonly violations: FieldViolation[]

  constructor(status: Status, reason: string, message: string, violations: FieldViolation[] = [], cause?: unknown) {
    super(message, { cause })
    this.name = 'CredenceError'
    this.status = status
    this.reason = reason
    this.violations = violations
  }
}

export const invalid = (field: string, description: string): CredenceError =>
  new CredenceError('invalid_argument', 'invalid_field', `${field}: ${description}`, [{ field, description }])

export const unauthenticated = (reason: string, message: string): CredenceError =>
  new CredenceError('unauthenticated', reason, message)

export const forbidden = (reason: string, message: string): CredenceError =>
  new CredenceError('permission_denied', reason, message)

export const notFound = (what: string, id: string): CredenceError =>
  new CredenceError('not_found', `${what}_not_found`, `There is no ${what} "${id}".`)

export const precondition = (reason: string, message: string): CredenceError =>
  new CredenceError('failed_precondition', reason, message)

export const unavailable = (reason: string, message: string, cause?: unknown): CredenceError =>
  new CredenceError('unavailable', reason, message, [], cause)
