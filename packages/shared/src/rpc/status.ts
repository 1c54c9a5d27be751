/** Errors on the wire: canonical status plus google.rpc.ErrorInfo and BadRequest in `grpc-status-details-bin`. */

import { CredenceError, type FieldViolation, type Status } from '@credence/contracts/errors'
import { BadRequest, ErrorInfo, Status as RpcStatus } from '@credence/contracts/gen/google/rpc/status'
import { status as codes, Metadata, type ServiceError, type StatusObject } from '@grpc/grpc-js'

const DETAILS = 'grpc-status-details-bin'
const TYPE = 'type.googleapis.com/google.rpc.'
const HIDDEN = 'Something went wrong here; the log of the service has it.'

const code = (status: Status): codes => codes[status.toUpperCase() as keyof typeof codes]

/** What a caller is told of an error. Anything that is not a CredenceError is `internal` and says nothing. */
export function toStatus(error: unknown): StatusObject {
  const known = error instanceof CredenceError ? error : new CredenceError('internal', 'internal', HIDDEN)
  const info = ErrorInfo.encode({ reason: known.reason, domain: 'credence', metadata: {} }).finish()
  const details = [{ typeUrl: `${TYPE}ErrorInfo`, value: Buffer.from(info) }]
  if (known.violations.length > 0) {
    const violations = BadRequest.encode({ fieldViolations: known.violations }).finish()
    details.push({ typeUrl: `${TYPE}BadRequest`, value: Buffer.from(violations) })
  }
  const metadata = new Metadata()
  const number = code(known.status)
  metadata.set(DETAILS, Buffer.from(RpcStatus.encode({ code: number, message: known.message, details }).finish()))
  return { code: number, details: known.message, metadata }
}

/** The other way: what a client makes of an error from the wire. */
export function fromStatus(error: ServiceError): CredenceError {
  const name = (codes[error.code] ?? 'UNKNOWN').toLowerCase()
  const status = ['unknown', 'cancelled', 'unimplemented'].includes(name) ? 'internal' : (name as Status)
  const [raw] = error.metadata?.get(DETAILS) ?? []
  let reason = name
  let violations: FieldViolation[] = []
  if (raw instanceof Buffer)
    for (const detail of RpcStatus.decode(raw).details) {
      if (detail.typeUrl === `${TYPE}ErrorInfo`) reason = ErrorInfo.decode(detail.value).reason
      if (detail.typeUrl === `${TYPE}BadRequest`) violations = BadRequest.decode(detail.value).fieldViolations
    }
  return new CredenceError(status, reason, error.details || error.message, violations, error)
}
