/**
 * Answers in Envoy's words. Every refusal, and every failure of ours, is a `denied_response`: that one closes, whatever
 * `failure_mode_allow` says. An `error_response` or a gRPC error would open where an operator has set it.
 */
import { CredenceError } from '@credence/contracts/errors'
import {
  HeaderValueOption_HeaderAppendAction as Append,
  type HeaderValueOption,
} from '@credence/contracts/gen/envoy/config/core/v3/base'
import type { CheckResponse } from '@credence/contracts/gen/envoy/service/auth/v3/external_auth'
import { StatusCode } from '@credence/contracts/gen/envoy/type/v3/http_status'
import { bodyOf, denial, headersOf, type Problem, unsure } from '@credence/shared/access-token/problem'
import type { VerifiedToken } from '@credence/shared/access-token/verify'
import { status as codes } from '@grpc/grpc-js'
import type { Answer } from '../ask.ts'
import type { Route } from './route.ts'

/** What the upstream is told, and never takes from a client: set or removed on every request that is let through. */
const TOLD = ['credence-decision', 'credence-agent', 'credence-subject', 'credence-obligations']
const CREDENTIALS = ['authorization', 'dpop']

/** @param problem what the client is told; its `resourceMetadata` is added here when the route is known */
export function refused(problem: Problem, metadata: Record<string, unknown> = {}): CheckResponse {
  const { status, code, decisionId } = problem
  const headers = [...headersOf(problem), ...(decisionId ? [['credence-decision', decisionId] as const] : [])]
  const outcome = status === 503 ? 'undecided' : 'refused'
  return {
    status: { code: status === 503 ? codes.UNAVAILABLE : codes.PERMISSION_DENIED, message: code, details: [] },
    httpResponse: {
      $case: 'deniedResponse',
      value: {
        status: { code: STATUS[status] ?? StatusCode.Forbidden },
        headers: headers.map(([name, value]) => header(name, value)),
        body: bodyOf(problem),
      },
    },
    dynamicMetadata: { outcome, code, ...metadata },
  }
}

const STATUS: Record<number, StatusCode> = {
  400: StatusCode.BadRequest,
  401: StatusCode.Unauthorized,
  403: StatusCode.Forbidden,
  404: StatusCode.NotFound,
  413: StatusCode.PayloadTooLarge,
  503: StatusCode.ServiceUnavailable,
}

/** A decision, as Envoy carries it out. */
export function answered(answer: Answer, token: VerifiedToken, route: Route, resourceMetadata: string): CheckResponse {
  const { outcome, decision, reasons, position, obligations, approvalNeeded } = answer
  const { agentId, grantId, subject } = token
  const metadata = { outcome, decision_id: decision, position, agent_id: agentId, grant_id: grantId }
  if (outcome !== 'allow') {
    const codes = reasons.map(({ code }) => code)
    const problem = { ...denial({ decisionId: decision, reasons, position, approvalNeeded }), resourceMetadata }
    return refused(problem, { ...metadata, reasons: codes })
  }
  const told = {
    'credence-decision': decision,
    'credence-agent': agentId,
    'credence-subject': subject,
    ...(obligations.length > 0 ? { 'credence-obligations': asciiJson(obligations) } : {}),
  }
  const headersToRemove = [
    ...TOLD.filter((name) => !Object.hasOwn(told, name)),
    ...(route.keepsCredentials ? [] : CREDENTIALS),
  ]
  return {
    status: { code: codes.OK, message: '', details: [] },
    httpResponse: {
      $case: 'okResponse',
      value: {
        headers: Object.entries(told).map(([name, value]) => header(name, value)),
        headersToRemove,
        responseHeadersToAdd: [header('credence-decision', decision)],
      },
    },
    dynamicMetadata: metadata,
  }
}

/** In place of an error: what cannot be decided is closed, and said to be undecided. */
export const closed = (error: unknown): CheckResponse =>
  refused(unsure(error instanceof CredenceError ? error.reason : 'failed', 'The decision point could not decide.'))

/** Whatever came with this name before is gone. */
const header = (key: string, value: string): HeaderValueOption => ({
  header: { key, value, rawValue: Buffer.alloc(0) },
  appendAction: Append.OVERWRITE_IF_EXISTS_OR_ADD,
})

/** A header holds ASCII (RFC 9110 §5.5); JSON can say the rest with escapes. */
const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[^\x20-\x7e]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
