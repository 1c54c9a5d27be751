/** What an enforcement point says when it does not let a call through. Error, denial and "could not decide" differ. */
import type { ServerResponse } from 'node:http'

/** RFC 9457 problem details; `code` is stable. */
export type Problem = {
  status: number
  code: string
  detail: string
  decisionId?: string
  reasons?: { code: string; message: string }[]
  /** For WWW-Authenticate (RFC 6750 §3, RFC 9449 §7.1): none when no credentials were sent. */
  oauthError?: string
  /** RFC 9728 §5.1 */
  resourceMetadata?: string
  retryAfterSeconds?: number
  /** People have to approve exactly this first: with it the agent asks them (RequestApproval). */
  approval?: { decision_position: string; approver: string; persons: number; within_seconds: number }
}

const TITLES: Record<number, string> = {
  400: 'Bad request',
  401: 'Not authenticated',
  403: 'Denied',
  404: 'Not found',
  413: 'Too large',
  503: 'Could not decide',
}

export function answerProblem(response: ServerResponse, problem: Problem): void {
  const { status, code, detail, decisionId, reasons, approval } = problem
  const body = JSON.stringify({
    type: 'about:blank',
    title: TITLES[status] ?? 'Error',
    status,
    detail,
    code,
    decision_id: decisionId,
    reasons,
    approval,
  })
  response.statusCode = status
  response.setHeader('content-type', 'application/problem+json')
  response.setHeader('cache-control', 'no-store')
  if (status === 401 || (status === 403 && problem.oauthError))
    response.setHeader('www-authenticate', challenge(problem))
  if (problem.retryAfterSeconds) response.setHeader('retry-after', String(problem.retryAfterSeconds))
  response.end(body)
}

function challenge({ oauthError, detail, resourceMetadata }: Problem): string {
  const parameters = [
    'algs="ES256 EdDSA"',
    ...(oauthError ? [`error="${oauthError}"`, `error_description="${detail.replace(/["\\]/g, '')}"`] : []),
    ...(resourceMetadata ? [`resource_metadata="${resourceMetadata}"`] : []),
  ]
  return `DPoP ${parameters.join(', ')}`
}
