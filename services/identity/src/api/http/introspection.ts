/**
 * Introspection (RFC 7662): whether a token of ours counts now. Agents ask about their own tokens; enforcement points,
 * by their certificate, about access tokens for the audiences that the roles file gives them. Everybody else, and every
 * token that does not count, gets the same answer: not active, and not a word more (§2.2).
 */
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { CredenceError } from '@credence/contracts/errors'
import type { Roles } from '@credence/shared/callers/roles'
import { messageOf } from '@credence/shared/log'
import { spiffeIdOf } from '@credence/shared/rpc/tls'
import { decodeProtectedHeader, type JWTPayload } from 'jose'
import type { Provider } from 'oidc-provider'
import { holderEnd } from '../../domain/token-life.ts'
import type { AccessClaims, DelegationClaims } from '../context.ts'
import { readForm } from './form.ts'
import { type Answer, takeOver } from './structured-tokens.ts'
import { endOf } from './subject.ts'
import { clientOf, type TokenParts } from './token-endpoint.ts'

type Parts = TokenParts & { roles: Roles }
/** May this caller be told of a token of that client, for that audience? */
type Asker = (token: { client: string; audience: string | undefined }) => boolean

const INACTIVE: Answer = { status: 200, body: { active: false } }

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

/** SPIFFE ID of a certificate that was checked against our CA, and has the role. */
function enforcementPoint({ roles }: Parts, request: IncomingMessage): string | undefined {
  const socket = request.socket as TLSSocket
  const id = socket.authorized ? spiffeIdOf(socket.getPeerCertificate()) : undefined
  return id !== undefined && roles.ofWorkload(id).has('enforcement-point') ? id : undefined
}

async function byCertificate(parts: Parts, request: IncomingMessage, id: string): Promise<Answer> {
  const form = await readForm(request)
  if (!form) return invalid('Send a small form (application/x-www-form-urlencoded).')
  const tokens = form.getAll('token')
  if (tokens.length !== 1 || !tokens[0]) return invalid('token: must come exactly once')
  const claimed = form.getAll('client_id')
  if (claimed.some((name) => name !== id)) return { status: 401, body: { error: 'invalid_client' } }
  const audiences = parts.roles.audiencesOf(id)
  return introspect(parts, tokens[0], ({ audience }) => audience !== undefined && audiences.has(audience))
}

const invalid = (error_description: string): Answer => ({
  status: 400,
  body: { error: 'invalid_request', error_description },
})

async function introspect(parts: Parts, token: string, mayKnow: Asker): Promise<Answer> {
  try {
    await parts.barrier()
    const shown = isDelegation(token)
      ? await ofDelegation(parts, token, mayKnow)
      : await ofAccess(parts, token, mayKnow)
    return shown ? { status: 200, body: shown } : INACTIVE
  } catch (error) {
    if (!(error instanceof CredenceError)) parts.log.error('introspection failed', { error: messageOf(error) })
    return {
      status: 503,
      body: { error: 'temporarily_unavailable', error_description: 'Nothing is known now. Try again.' },
    }
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
