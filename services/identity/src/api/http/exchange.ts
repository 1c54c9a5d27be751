/** The token exchange (RFC 8693): a delegation and a grant become an access token (RFC 9068) for one resource. */
import { randomUUID } from 'node:crypto'
import { AuthorizationDetails } from '@credence/contracts/authority'
import { CredenceError } from '@credence/contracts/errors'
import type { IdentityFact } from '@credence/contracts/events/catalog'
import type { Agent } from '@credence/contracts/principals/agent'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { Barrier } from '@credence/shared/event-store/barrier'
import type { Follower } from '@credence/shared/event-store/follow'
import type { Log } from '@credence/shared/log'
import { messageOf } from '@credence/shared/log'
import { waitFor } from '@credence/shared/rpc/fields'
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import * as grants from 'oidc-provider/lib/helpers/grants.js'
import { decideExchange } from '../../domain/exchange.ts'
import type { Grants } from '../../projections/grants.ts'
import type { Principals } from '../../projections/principals.ts'
import type { DelegationClaims, DelegationTokens, Keys, Replay } from '../context.ts'
import { TOKEN_EXCHANGE } from './engine.ts'
import { type Binding, checkBinding } from './proofs.ts'
import { Refused, recorded, unavailable } from './refusals.ts'

const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt'
const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token'
const OWN = ['subject_token', 'subject_token_type', 'resource', 'authorization_details', 'grant_id', 'not_before']
const KNOWN = new Set([
  ...OWN,
  'grant_type',
  'client_id',
  'client_assertion',
  'client_assertion_type',
  'requested_token_type',
])
const AUTHORITY = { kind: 'workload' as const }

export type GrantParts = {
  issuer: string
  spiffeId: string
  trustDomain: string
  keys: Keys
  principals: Principals
  grants: Grants
  followers: readonly Follower[]
  /** What was acknowledged before the request counts: no token for what has just ended, on any replica. */
  barrier: Barrier
  writer: Writer
  replay: Replay
  tokens: DelegationTokens
  clock: Clock
  log: Log
}

export function registerTokenExchange(provider: Provider, parts: GrantParts): void {
  const handler = async (ctx: KoaContextWithOIDC) => {
    try {
      ctx.body = await exchange(provider, parts, ctx)
    } catch (error) {
      throw await asOAuthError(error, parts, ctx)
    }
  }
  provider.registerGrantType(TOKEN_EXCHANGE, handler as never, [...OWN, 'requested_token_type'])
}

async function exchange(provider: Provider, parts: GrantParts, ctx: KoaContextWithOIDC) {
  const { principals, clock } = parts
  const request = readRequest(ctx)
  const agent = principals.bySpiffeId(ctx.oidc.client?.clientId ?? '')
  const binding = await checkBinding(provider, parts, ctx)
  await parts.barrier()
  await waitFor(request.notBefore, parts.followers)
  const subject = await subjectOf(parts, request.subjectToken, agent)
  const now = clock()
  const delegation = principals.delegation(subject.delegation)
  const answer = decideExchange({
    agent,
    agentEnd: agent && principals.agentEnd(agent.agent, now),
    delegation,
    delegationEnd: delegation && principals.delegationEnd(delegation.delegation, now),
    grant: parts.grants.get(request.grantId),
    resource: request.resource,
    authorizationDetails: request.authorizationDetails,
    // A certificate that names the agent stands for its key.
    proofThumbprint: 'jkt' in binding ? binding.jkt : agent?.key_thumbprint,
    now,
  })
  if (!answer.allowed) throw new Refused(answer.error, answer.reason, answer.description)
  if (!agent || !delegation) throw new Error('decided without an agent or a delegation')

  const token = {
    id: randomUUID(),
    subject,
    delegation: delegation.delegation,
    grant: request.grantId,
    resource: request.resource,
    binding,
    ...answer,
  }
  const value = await sign(parts, agent, token, now)
  const about = {
    actor: { ...AUTHORITY, id: parts.spiffeId },
    correlation: { delegation: token.delegation, human: delegation.human },
    now,
  }
  await parts.writer.record(`credence.identity.token.${agent.agent}`, [issued(agent, token)], about)
  return grants.buildTokenResponse(provider, {
    accessToken: value,
    tokenType: 'jkt' in binding ? 'DPoP' : 'Bearer',
    issuedTokenType: ACCESS_TOKEN_TYPE,
    expiresIn: Math.floor((answer.expiresAt.getTime() - now.getTime()) / 1000),
    authorizationDetails: answer.authorizationDetails,
  })
}

function readRequest(ctx: KoaContextWithOIDC) {
  for (const name of Object.keys((ctx.oidc.body ?? {}) as object))
    if (!KNOWN.has(name))
      throw new Refused('invalid_request', 'unknown_parameter', `${name.slice(0, 64)}: there is no such parameter here`)
  const parameters = ctx.oidc.params as Record<string, string | undefined>
  const needed = (name: string): string => {
    const value = parameters[name]
    if (!value) throw new Refused('invalid_request', 'missing_parameter', `${name}: is missing`)
    return value
  }
  const only = (name: string, allowed: string) => {
    const value = parameters[name]
    if (value !== undefined && value !== allowed)
      throw new Refused('invalid_request', 'unsupported_type', `${name}: must be ${allowed}`)
  }
  only('subject_token_type', JWT_TYPE)
  only('requested_token_type', ACCESS_TOKEN_TYPE)
  needed('subject_token_type')
  return {
    subjectToken: needed('subject_token'),
    resource: needed('resource'),
    grantId: needed('grant_id'),
    authorizationDetails: readDetails(parameters.authorization_details),
    notBefore: parameters.not_before?.split(' ').slice(0, 8) ?? [],
  }
}

function readDetails(text: string | undefined) {
  if (text === undefined) return undefined
  try {
    return AuthorizationDetails.parse(JSON.parse(text))
  } catch {
    throw new Refused(
      'invalid_authorization_details',
      'malformed',
      'authorization_details: must be a non-empty array of agent_permission objects',
    )
  }
}

/** What the subject token says decides; the request’s syntax does not. */
async function subjectOf(parts: GrantParts, token: string, agent: Agent | undefined): Promise<DelegationClaims> {
  const claims = await parts.tokens.verify(token, parts.clock()).catch(() => {
    throw new Refused(
      'invalid_request',
      'subject_token_invalid',
      'subject_token: is not a valid delegation token of this server',
    )
  })
  const { iss, sub } = claims.mayAct
  if (iss !== `spiffe://${parts.trustDomain}` || sub !== agent?.spiffe_id)
    throw new Refused(
      'actor_unauthorized',
      'delegation_of_another_agent',
      'The subject token names another agent in may_act.',
    )
  return claims
}

type Token = {
  id: string
  subject: DelegationClaims
  delegation: string
  grant: string
  resource: string
  binding: Binding
  authorizationDetails: ReturnType<typeof AuthorizationDetails.parse>
  expiresAt: Date
}

/** RFC 9068 §2.2, with the actor chain (RFC 8693 §4.1) and the key of the outermost actor (RFC 9449 §6). */
function sign(parts: GrantParts, agent: Agent, token: Token, now: Date): Promise<string> {
  const { subject } = token
  const act = {
    iss: `spiffe://${parts.trustDomain}`,
    sub: agent.spiffe_id,
    sub_profile: 'ai_agent',
    ...(subject.act ? { act: subject.act } : {}),
  }
  const seconds = (time: Date) => Math.floor(time.getTime() / 1000)
  const claims = {
    iss: parts.issuer,
    sub: subject.human,
    aud: token.resource,
    jti: token.id,
    iat: seconds(now),
    exp: seconds(token.expiresAt),
    client_id: agent.spiffe_id,
    client_profile: 'ai_agent',
    sub_profile: 'user',
    act,
    cnf: token.binding,
    authorization_details: token.authorizationDetails,
    agent_id: agent.agent,
    grant_id: token.grant,
    delegation_id: token.delegation,
  }
  return parts.keys.sign('token', { typ: 'at+jwt' }, claims)
}

const issued = (agent: Agent, token: Token): IdentityFact => ({
  type: 'credence.identity.token.issued.v1',
  data: {
    agent: agent.agent,
    token: token.id,
    grant: token.grant,
    delegation: token.delegation,
    audience: token.resource,
    authorization_details: token.authorizationDetails,
    key_thumbprint: 'jkt' in token.binding ? token.binding.jkt : token.binding['x5t#S256'],
    expires_at: token.expiresAt.toISOString(),
  },
})

/** Records the refusal, then makes it what the engine shows. What cannot be recorded is 503, never a token. */
async function asOAuthError(thrown: unknown, parts: GrantParts, ctx: KoaContextWithOIDC): Promise<Error> {
  const error = badInput(thrown) ?? thrown
  if (error instanceof CredenceError) return unavailable(error)
  if (!(error instanceof errors.OIDCProviderError)) {
    parts.log.error('exchange failed', { error: messageOf(error) })
    return error as Error
  }
  const reason = error instanceof Refused ? error.reason : error.error
  const agent = parts.principals.bySpiffeId(ctx.oidc.client?.clientId ?? '')
  const { resource, grant_id } = ctx.oidc.params as Record<string, string | undefined>
  if (agent) {
    const data = { agent: agent.agent, audience: clip(resource), grant: grantId(grant_id), error: error.error, reason }
    const about = { actor: { ...AUTHORITY, id: parts.spiffeId }, now: parts.clock() }
    try {
      const refused: IdentityFact = { type: 'credence.identity.token.refused.v1', data }
      await parts.writer.record(`credence.identity.token.${agent.agent}`, [refused], about)
    } catch (failure) {
      return unavailable(failure)
    }
    recorded.add(error)
  }
  return error
}

const badInput = (thrown: unknown): Refused | undefined =>
  thrown instanceof CredenceError && thrown.status === 'invalid_argument'
    ? new Refused('invalid_request', thrown.reason, thrown.message)
    : undefined

const clip = (text: string | undefined) => (text === undefined ? undefined : text.slice(0, 256))
const grantId = (text: string | undefined) =>
  text && /^grt_[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text) ? text : undefined
