/**
 * Introspection (RFC 7662): whether a token of ours counts now. Agents ask about their own tokens; enforcement points,
 * by their certificate, about access tokens for the audiences that the roles file gives them. Everybody else, and every
 * token that does not count, gets the same answer: not active, and not a word more (§2.2).
 */
import type { IncomingMessage } from 'node:http'
import { CredenceError } from '@credence/contracts/errors'
import type { Roles } from '@credence/shared/callers/roles'
import { messageOf } from '@credence/shared/log'
import { decodeProtectedHeader, type JWTPayload } from 'jose'
import type { Provider } from 'oidc-provider'
import { holderEnd } from '../../domain/token-life.ts'
import type { AccessClaims, DelegationClaims } from '../context.ts'
import { certificateOf } from './client-authentication.ts'
import { invalidRequest, refuse } from './oauth-error.ts'
import { type Refusals, Refused } from './refusals.ts'
import { readBody } from './request-body.ts'
import { type Answer, takeOver } from './structured-tokens.ts'
import { endOf } from './subject.ts'
import { clientOf, type TokenParts } from './token-endpoint.ts'

type Parts = TokenParts & { roles: Roles; refusals: Refusals }
/** May this caller be told of a token of that client, for that audience? */
type Asker = (token: { client: string; audience: string | undefined }) => boolean

const INACTIVE: Answer = { status: 200, body: { active: false } }
/** Neither yes nor no. */
const AWAY: Answer = {
  status: 503,
  body: { error: 'temporarily_unavailable', error_description: 'Nothing can be known to be current now. Try again.' },
}

export function registerIntrospection(provider: Provider, parts: Parts): void {
  takeOver(provider, 'introspection', (ctx, token) =>
    introspect(parts, token, ({ client }) => client === clientOf(ctx)),
  )
  provider.use(async (ctx, next) => {
    const id = ctx.method === 'POST' && ctx.path === '/introspect' ? enforcementPoint(parts, ctx.req) : undefined
    if (id === undefined) return next()
    const { status, body } = await byCertificate(parts, ctx.req, id)
    ctx.status = status
    ctx.body = body
    ctx.set('cache-control', 'no-store')
  })
}

/** SPIFFE ID of the X.509-SVID on the connection, when it has the role. */
function enforcementPoint({ roles }: Parts, request: IncomingMessage): string | undefined {
  const id = certificateOf(request)?.client
  return id !== undefined && roles.ofWorkload(id).has('enforcement-point') ? id : undefined
}

async function byCertificate(parts: Parts, request: IncomingMessage, id: string): Promise<Answer> {
  try {
    const token = await tokenIn(request, id)
    const audiences = parts.roles.audiencesOf(id)
    return await introspect(parts, token, ({ audience }) => audience !== undefined && audiences.has(audience))
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return refusing(parts, id, error)
  }
}

/** @throws Refused when the form is not one token, asked for by whom the certificate names (RFC 8705 §2) */
async function tokenIn(request: IncomingMessage, id: string): Promise<string> {
  const isForm = /^application\/x-www-form-urlencoded *(;|$)/i.test(request.headers['content-type'] ?? '')
  const body = isForm ? await readBody(request) : undefined
  if (!body) throw invalidRequest('no_form', 'Send a small form (application/x-www-form-urlencoded).')
  const form = new URLSearchParams(body.toString())
  if (form.getAll('client_id').some((name) => name !== id))
    throw refuse('invalid_client', 'client_id_mismatch', 'client_id: is not the name in the certificate')
  const [token, ...more] = form.getAll('token')
  if (!token || more.length > 0) throw invalidRequest('missing_parameter', 'token: must come exactly once')
  return token
}

async function refusing({ refusals }: Parts, client: string, refused: Refused): Promise<Answer> {
  const { error, reason, error_description } = refused
  try {
    await refusals.record({ client, error, reason })
    return { status: error === 'invalid_client' ? 401 : 400, body: { error, error_description } }
  } catch {
    return AWAY
  }
}

async function introspect(parts: Parts, token: string, mayKnow: Asker): Promise<Answer> {
  try {
    await parts.barrier()
    const shown = isDelegation(token)
      ? await ofDelegation(parts, token, mayKnow)
      : await ofAccess(parts, token, mayKnow)
    return shown ? { status: 200, body: shown } : INACTIVE
  } catch (error) {
    if (!(error instanceof CredenceError)) parts.log.error('introspection failed', { error: messageOf(error) })
    return AWAY
  }
}

function isDelegation(token: string): boolean {
  try {
    return decodeProtectedHeader(token).typ === 'delegation+jwt'
  } catch {
    return false
  }
}

async function ofAccess(parts: Parts, token: string, mayKnow: Asker): Promise<object | undefined> {
  const claims: AccessClaims | undefined = await parts.accessTokens.verify(token, parts.clock()).catch(() => undefined)
  if (!claims || !mayKnow({ client: claims.client, audience: claims.audience })) return undefined
  return endOf(parts, claims)
    ? undefined
    : { active: true, ...pick(claims.payload), token_type: 'jkt' in claims.binding ? 'DPoP' : 'Bearer' }
}

/** Only for the agent that holds it: nobody else has business with it. */
async function ofDelegation(parts: Parts, token: string, mayKnow: Asker): Promise<object | undefined> {
  const { principals } = parts
  const now = parts.clock()
  const claims: DelegationClaims | undefined = await parts.delegationTokens.verify(token, now).catch(() => undefined)
  const delegation = claims && principals.delegation(claims.delegation)
  const agent = delegation && principals.agent(delegation.agent)
  if (!claims || !delegation || !agent || !mayKnow({ client: agent.spiffe_id, audience: undefined })) return undefined
  const agentEnd = principals.agentEnd(agent.agent, now)
  const end = holderEnd({ agent, agentEnd }) ?? principals.delegationEnd(delegation.delegation, now)
  return end ? undefined : { active: true, ...pick(claims.payload), token_type: 'N_A' }
}

/** RFC 7662 §2.2, RFC 8693 §4, RFC 9449 §6.2, RFC 9396 §9.2, and what is ours. */
const SHOWN = [
  'iss',
  'sub',
  'sub_profile',
  'aud',
  'exp',
  'iat',
  'jti',
  'client_id',
  'client_profile',
  'scope',
  'act',
  'may_act',
  'cnf',
  'authorization_details',
  'agent_id',
  'grant_id',
  'task_id',
  'delegation_id',
] as const

const pick = (payload: JWTPayload): object =>
  Object.fromEntries(SHOWN.flatMap((name) => (payload[name] === undefined ? [] : [[name, payload[name]]])))
