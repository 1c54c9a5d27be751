/** What an enforcement point says when it does not let a call through. Error, denial and "could not decide" differ. */
import { PROOF_ALGORITHMS } from './proof.ts'
import { KeysUnavailable, TokenRefused } from './refusal.ts'

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
/** Reasons that make the token itself worthless (RFC 6750 §3.1 `invalid_token`): a new one may help, a retry will not. */
const TOKEN_IS_DEAD = /^(agent_|parent_|token_revoked|grant_ended|grant_expired|grant_unknown|delegation_)/

/** JSON text. */
export function bodyOf({ status, code, detail, decisionId, reasons, approval }: Problem): string {
  const title = TITLES[status] ?? 'Error'
  return JSON.stringify({
    type: 'about:blank',
    title,
    status,
    detail,
    code,
    decision_id: decisionId,
    reasons,
    approval,
  })
}

export function headersOf(problem: Problem): [name: string, value: string][] {
  const { status, oauthError, retryAfterSeconds } = problem
  const challenged = status === 401 || (status === 403 && oauthError)
  return [
    ['content-type', 'application/problem+json'],
    ['cache-control', 'no-store'],
    ...(challenged ? [['www-authenticate', challenge(problem)] as [string, string]] : []),
    ...(retryAfterSeconds ? [['retry-after', String(retryAfterSeconds)] as [string, string]] : []),
  ]
}

function challenge({ oauthError, detail, resourceMetadata }: Problem): string {
  const parameters = [
    `algs="${PROOF_ALGORITHMS.join(' ')}"`,
    ...(oauthError ? [`error="${oauthError}"`, `error_description="${detail.replace(/["\\]/g, '')}"`] : []),
    ...(resourceMetadata ? [`resource_metadata="${resourceMetadata}"`] : []),
  ]
  return `DPoP ${parameters.join(', ')}`
}

export const unsure = (code: string, detail: string): Problem => ({ status: 503, code, detail, retryAfterSeconds: 1 })

/** An answer of the decision point, as far as whoever was denied is told of it. */
export type Denial = {
  decisionId: string
  reasons: { code: string; message: string }[]
  position: string
  approvalNeeded?: { approver: string; persons: number; withinSeconds: number | bigint } | undefined
}

/** What a decision says that is no allow. */
export function denial({ decisionId, reasons, position, approvalNeeded }: Denial): Problem {
  const dead = reasons.find(({ code }) => TOKEN_IS_DEAD.test(code))
  const first = dead ?? reasons[0]
  const base = { code: first?.code ?? 'denied', detail: first?.message ?? 'Denied.', decisionId, reasons }
  if (dead) return { ...base, status: 401, oauthError: 'invalid_token' }
  if (approvalNeeded) {
    const { approver, persons, withinSeconds } = approvalNeeded
    const approval = { decision_position: position, approver, persons, within_seconds: Number(withinSeconds) }
    return { ...base, status: 403, approval }
  }
  const outside = reasons.some(({ code }) => code === 'outside_grant')
  return { ...base, status: 403, oauthError: outside ? 'insufficient_scope' : undefined }
}

/** What kept a call from being decided: credentials that do not let it in, or a failure of ours. */
export function problemOf(error: unknown): Problem {
  if (error instanceof KeysUnavailable) return unsure('no_keys', error.message)
  if (!(error instanceof TokenRefused)) return unsure('failed', 'The enforcement point failed.')
  return { status: 401, code: error.oauthError ?? 'no_token', detail: error.message, oauthError: error.oauthError }
}

/** Where a protected resource's metadata is (RFC 9728 §3.1). */
export function resourceMetadataOf(resource: string): string {
  const { origin, pathname } = new URL(resource)
  return `${origin}/.well-known/oauth-protected-resource${pathname === '/' ? '' : pathname}`
}
