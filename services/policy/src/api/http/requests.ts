/**
 * AuthZEN Access Request and Approval Profile, draft 1 (July 2026): an enforcement point asks people about a denial that
 * said so, and looks how it goes. A denial is bound to its request by the record of the decision itself (`evaluation_id`).
 */
import { CredenceError, invalid } from '@credence/contracts/errors'
import { Prose } from '@credence/contracts/events/values'
import { REQUESTABLE_SECONDS } from '../approvals.ts'
import type { Asker } from '../ask.ts'
import { parseEvaluationId } from './answer.ts'
import { isObject, type JsonObject, readJson } from './exact-json.ts'
import { type Reply, refusal, statusOf } from './exchange.ts'
import type { Call, Parts } from './parts.ts'
import { readAction, readContext, readResource, readSubject, readWord } from './read.ts'

/** What the record says of a decision. */
export type RecordedDecision = {
  outcome: 'allow' | 'deny' | 'ask'
  agent: string
  grant: string
  action: string
  /** "Type::id" */
  resource: string
  audience: string
  enforcementPoint: string
  at: Date
}

export type AccessRequest = {
  id: string
  standing: 'pending' | 'approved' | 'refused' | 'expired' | 'used'
  persons: number
  /** How many have approved. */
  approved: number
  /** Until when people may answer, and the act be done. */
  expiresAt: Date
}

/** The same functions as gRPC's RequestApproval and GetApproval. */
export type AccessRequests = {
  /** @param position "DECISIONS:1234". @returns undefined when this decision does not lie there */
  recorded(decision: string, position: string): Promise<RecordedDecision | undefined>
  /** Asks people; the same decision again is the same request. @throws CredenceError as RequestApproval does */
  request(of: { decision: string; position: string; statement: string }, asker: Asker): Promise<AccessRequest>
  /** @throws CredenceError `not_found`, and as GetApproval does */
  get(id: string, asker: Asker): Promise<AccessRequest>
}

const ERROR = 'urn:openid:authzen:access-request:error:'
const POLL_SECONDS = '5'

/** A problem type of the profile (§error-responses). */
class Problem extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, detail: string) {
    super(detail)
    this.status = status
    this.code = code
  }
}

export const submitRequest = (parts: Parts, call: Call): Promise<Reply> =>
  asProblem(parts, async () => {
    const desk = open(parts)
    const { denied, statement } = readSubmission(call)
    const decision = await desk.recorded(denied.decision, denied.position)
    if (!decision || decision.enforcementPoint !== call.asker.id || !denied.fits(decision))
      throw new Problem(400, 'invalid_denial_binding', 'denial.evaluation_id is of no denial of yours of this request.')
    if (decision.outcome !== 'ask')
      throw new Problem(400, 'not_requestable', 'That denial is not one that people can lift.')
    if (parts.clock().getTime() > decision.at.getTime() + REQUESTABLE_SECONDS * 1000)
      throw new Problem(410, 'expired_denial', 'That denial is too old: evaluate again.')
    const found = await desk.request({ ...denied, statement }, call.asker)
    const text = taskText(parts, found)
    return { status: 202, text, headers: ['location', endpointOf(parts, found.id), ...pollAgain(found)] }
  })

export const readRequest = (parts: Parts, { rest, asker }: Call): Promise<Reply> =>
  asProblem(parts, async () => {
    const found = await open(parts).get(readWord(rest, 'id', 128), asker)
    return { status: 200, text: taskText(parts, found), headers: pollAgain(found) }
  })

function open({ accessRequests }: Parts): AccessRequests {
  if (!accessRequests) throw new Problem(404, 'unknown_task', 'Nobody can be asked here.')
  return accessRequests
}

function readSubmission({ body: bytes }: Call) {
  const { body, textOf } = readJson(bytes)
  if (body.items !== undefined) throw invalid('items', 'is not taken: send one request for each denial')
  const agent = readSubject(body.subject)
  const action = readAction(body.action)
  const { type, id } = readResource(body.resource, (entity) => textOf(-1, entity))
  const { grantId, audience } = readContext(body.context, (entity) => textOf(-1, entity))
  if (!isObject(body.denial)) throw invalid('denial', body.denial === undefined ? 'is missing' : 'must be an object')
  const binding = parseEvaluationId(readWord(body.denial.evaluation_id, 'denial.evaluation_id'))
  if (!binding) throw new Problem(400, 'invalid_denial_binding', 'denial.evaluation_id is not one of ours.')
  const fits = (decision: RecordedDecision): boolean =>
    decision.agent === agent &&
    decision.action === action &&
    decision.resource === `${type}::${id}` &&
    (grantId === '' || decision.grant === grantId) &&
    (audience === '' || decision.audience === audience)
  return { denied: { ...binding, fits }, statement: readStatement(body.context as JsonObject | undefined) }
}

/** Why, in the words of who asks. */
function readStatement(context: JsonObject = {}): string {
  const { business_justification: told } = context
  if (told === undefined || told === '') return ''
  const statement = Prose.safeParse(told)
  if (!statement.success)
    throw invalid('context.business_justification', statement.error.issues[0]?.message ?? 'is wrong')
  return statement.data
}

const endpointOf = ({ requestEndpoint = '' }: Parts, id: string): string => `${requestEndpoint}/${id}`

/** §task-status. What was approved and then done stays approved: a terminal state does not change. */
const STATUS = {
  pending: 'pending',
  approved: 'approved',
  used: 'approved',
  refused: 'denied',
  expired: 'expired',
} as const

function taskText(parts: Parts, { id, standing, persons, approved, expiresAt }: AccessRequest): string {
  const status = STATUS[standing]
  const until = expiresAt.toISOString()
  const step = Math.min(approved + 1, persons)
  const task = {
    id,
    status,
    status_endpoint: endpointOf(parts, id),
    expires_at: until,
    progress: { current_step: step, total_steps: persons },
  }
  const result = { mode: 'reevaluate', approval: { id, approved_until: until } }
  return JSON.stringify(status === 'approved' ? { task, result } : { task })
}

const pollAgain = ({ standing }: AccessRequest): string[] =>
  standing === 'pending' ? ['retry-after', POLL_SECONDS] : []

/** RFC 9457, as the profile wants it of its endpoints. */
async function asProblem({ url }: Parts, work: () => Promise<Reply>): Promise<Reply> {
  try {
    return await work()
  } catch (error) {
    const problem = problemOf(error)
    if (!problem) throw error
    const { status, code, message: detail } = problem
    const type = code === '' ? 'about:blank' : `${ERROR}${code}`
    const { headers } = refusal(error, url)
    return {
      status,
      type: 'application/problem+json',
      text: JSON.stringify({ type, title: TITLES[code] ?? 'Bad request', status, detail }),
      ...(headers ? { headers } : {}),
    }
  }
}

const TITLES: Record<string, string> = {
  invalid_denial_binding: 'The denial does not fit the request',
  not_requestable: 'Access is not requestable',
  expired_denial: 'The denial has expired',
  unknown_task: 'There is no such request',
}

function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error
  if (!(error instanceof CredenceError) || error.status === 'internal') return undefined
  return new Problem(statusOf(error), error.status === 'not_found' ? 'unknown_task' : '', error.message)
}
