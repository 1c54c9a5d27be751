/**
 * The enforcement point for `node:http`: token and proof → action and resource → decision → handler → effect. It lets a
 * call through only when the decision point has said "allow" and has recorded that it did.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Sensitivity } from '@credence/contracts/events/values'
import { EffectOutcome } from '@credence/contracts/gen/credence/audit/v1/audit'
import { type CheckResponse, Decision, type Obligation } from '@credence/contracts/gen/credence/policy/v1/policy'
import { denial, problemOf, unsure } from '@credence/shared/access-token/problem'
import { newId } from '@credence/shared/ids'
import type { Clients } from '../clients.ts'
import { answerProblem, type Problem } from './answers.ts'
import { createEffects } from './effects.ts'
import { createVerifyToken, type VerifiedToken } from './token.ts'

/** What a request means: the action, and the resource that it is about. */
export type Operation = {
  action: string
  resource: {
    type: string
    id: string
    sensitivity: Sensitivity
    /** What policies may read of it, as the platform’s schema declares. */
    properties?: object
  }
  /** How much it moves, where grants or policies look at that. */
  amount?: { currency: string; value: string }
  /** Its arguments, for limits and policies. They are kept where they can be erased; the record has a digest. */
  arguments?: object
}

export type Permitted = {
  method: string
  url: URL
  body: Buffer
  agentId: string
  subject: string
  decisionId: string
  /** To be carried out: only of types in `supportedObligations`. */
  obligations: readonly Obligation[]
}
export type Result = { status: number; body?: unknown }

export type GuardOptions = {
  /** Identifier of this resource server: an absolute https URL without a trailing slash. */
  audience: string
  /** OAuth issuer: the identity service. */
  issuer: string
  /** Connected with an enforcement-point certificate. */
  clients: Pick<Clients, 'policy' | 'audit'>
  fetch: typeof fetch
  /** Maps a request to its operation; undefined: there is no such thing here, and it is refused. */
  operationOf: (method: string, url: URL, body: Buffer) => Operation | undefined
  /** Types of obligations that `handle` carries out; what needs another one is denied. None when absent. */
  supportedObligations?: readonly string[]
  handle: (request: Permitted) => Promise<Result>
}

export type Guard = { listener: RequestListener; close(): Promise<void> }

const MAX_BODY_BYTES = 1024 * 1024
const DECISION_MS = 1_500
const EFFECT_WAIT_MS = 500
const METADATA_PATH = '/.well-known/oauth-protected-resource'

export function createGuard(options: GuardOptions): Guard {
  const verify = createVerifyToken(options)
  const effects = createEffects(options.clients.audit)
  const resourceMetadata = `${options.audience}${METADATA_PATH}`

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? 'GET'
    const url = new URL(request.url ?? '/', options.audience)
    if (method === 'GET' && url.pathname === METADATA_PATH) return answerJson(response, 200, metadata(options))
    const token = await verify(request)
    if (!effects.accepting()) throw new Stopped(unsure('effects_waiting', 'Earlier effects could not be recorded yet.'))
    const body = await readBody(request)
    const operation = options.operationOf(method, url, body)
    if (!operation)
      throw new Stopped({ status: 404, code: 'no_operation', detail: `There is no ${method} ${url.pathname} here.` })
    const decision = await decide(token, operation, request.socket.remoteAddress ?? '')
    const report = reporter(token, decision, method, url, body)
    if (decision.decision !== Decision.DECISION_ALLOW) {
      const problem = denial(decision)
      void report(EffectOutcome.EFFECT_OUTCOME_PREVENTED, problem.status, undefined, 0)
      throw new Stopped(problem)
    }
    const { agentId, subject } = token
    const { decisionId, obligations } = decision
    const started = performance.now()
    const result = await options
      .handle({ method, url, body, agentId, subject, decisionId, obligations })
      .catch((): Result => ({ status: 500, body: { title: 'Error', status: 500 } }))
    const text = result.body === undefined ? undefined : JSON.stringify(result.body)
    const outcome = result.status < 400 ? EffectOutcome.EFFECT_OUTCOME_SUCCEEDED : EffectOutcome.EFFECT_OUTCOME_FAILED
    await report(outcome, result.status, text, performance.now() - started)
    response.setHeader('credence-decision', decision.decisionId)
    answerJson(response, result.status, text)
  }

  async function decide(token: VerifiedToken, operation: Operation, sourceAddress: string): Promise<CheckResponse> {
    const { agentId, grantId, tokenId } = token
    const { action, resource, amount } = operation
    const { type, id, sensitivity, properties } = resource
    try {
      return await options.clients.policy.check(
        {
          agentId,
          grantId,
          tokenId,
          action,
          resource: { type, id, sensitivity, properties: properties ? JSON.stringify(properties) : '' },
          location: options.audience,
          sourceAddress,
          requestId: newId('req'),
          notBefore: [],
          amount,
          arguments: operation.arguments ? JSON.stringify(operation.arguments) : '',
          supportedObligations: [...(options.supportedObligations ?? [])],
          receipt: false,
        },
        { deadlineMs: DECISION_MS },
      )
    } catch {
      throw new Stopped(unsure('no_decision', 'The decision point gave no recorded decision in time.'))
    }
  }

  function reporter(token: VerifiedToken, decision: CheckResponse, method: string, url: URL, body: Buffer) {
    const argumentsDigest = sha256(JSON.stringify([method, url.pathname, url.search]), body)
    return (
      outcome: EffectOutcome,
      statusCode: number,
      result: string | undefined,
      milliseconds: number,
    ): Promise<void> =>
      effects.report(
        {
          decisionId: decision.decisionId,
          agentId: token.agentId,
          outcome,
          statusCode,
          argumentsDigest,
          resultDigest: result === undefined ? '' : sha256(result),
          durationMicroseconds: BigInt(Math.round(milliseconds * 1000)),
        },
        EFFECT_WAIT_MS,
      )
  }

  const refuse = (response: ServerResponse, error: unknown): void => {
    if (response.headersSent) response.destroy()
    else answerProblem(response, { ...(error instanceof Stopped ? error.problem : problemOf(error)), resourceMetadata })
  }

  return {
    listener: (request, response) => void serve(request, response).catch((error) => refuse(response, error)),
    close: () => effects.drain(2_000),
  }
}

class Stopped extends Error {
  readonly problem: Problem
  constructor(problem: Problem) {
    super(problem.code)
    this.problem = problem
  }
}

/** RFC 9728 §2 */
const metadata = ({ audience, issuer }: GuardOptions) => ({
  resource: audience,
  authorization_servers: [issuer],
  bearer_methods_supported: ['header'],
  dpop_signing_alg_values_supported: ['ES256', 'EdDSA'],
  dpop_bound_access_tokens_required: true,
})

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > MAX_BODY_BYTES)
      throw new Stopped({ status: 413, code: 'body_too_large', detail: `At most ${MAX_BODY_BYTES} bytes are allowed.` })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.statusCode = status
  if (body !== undefined)
    response.setHeader('content-type', status >= 400 ? 'application/problem+json' : 'application/json')
  response.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body))
}

function sha256(...parts: (string | Buffer)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}
