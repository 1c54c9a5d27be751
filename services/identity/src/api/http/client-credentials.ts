/**
 * A token in which an agent only says who it is (RFC 6749 §4.4, RFC 9068 §3): for this server alone, for five minutes,
 * bound to the key of the agent. It is good as an actor_token and here; no resource takes it, and no authority is in it.
 */
import { randomUUID } from 'node:crypto'
import type { IdentityFact } from '@credence/contracts/events/catalog'
import { attestedUntil } from '@credence/contracts/principals/agent'
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import * as engineGrants from 'oidc-provider/lib/helpers/grants.js'
import { thumbprintOf } from '../../domain/binding.ts'
import { obstacleToAgent } from '../../domain/exchange.ts'
import type { TokenToIssue } from '../context.ts'
import { CLIENT_CREDENTIALS } from './engine.ts'
import { refuseUnknown } from './exchange-request.ts'
import { asOAuthError, invalidRequest, refusalOf, refuse } from './oauth-error.ts'
import { checkBinding } from './proofs.ts'
import { COMMON, clientOf, type TokenParts, together } from './token-endpoint.ts'

const LIFE_SECONDS = 300
const OWN = ['resource', 'audience', 'scope']
const KNOWN = new Set([...COMMON, ...OWN, 'authorization_details'])

export function registerClientCredentials(provider: Provider, parts: TokenParts): void {
  const handler = async (ctx: KoaContextWithOIDC) => {
    try {
      ctx.body = await issue(provider, parts, ctx)
    } catch (error) {
      throw await asOAuthError(error, parts, ctx)
    }
  }
  provider.registerGrantType(CLIENT_CREDENTIALS, handler as never, OWN, ['resource', 'audience'])
}

async function issue(provider: Provider, parts: TokenParts, ctx: KoaContextWithOIDC) {
  refuseMore(parts, ctx)
  const [binding] = await together([checkBinding(provider, parts, ctx), parts.barrier()])
  const now = parts.clock()
  const agent = parts.principals.bySpiffeId(clientOf(ctx))
  const agentEnd = agent && parts.principals.agentEnd(agent.agent, now)
  const obstacle = obstacleToAgent({ agent, agentEnd, binding, now })
  if (obstacle || !agent?.result) throw obstacle ? refusalOf(obstacle) : new Error('allowed without an agent')
  const ends = [Date.parse(agent.expires_at), attestedUntil(agent)]
  const token: TokenToIssue = {
    id: randomUUID(),
    agent,
    audience: parts.issuer,
    binding,
    expiresAt: new Date(Math.min(now.getTime() + LIFE_SECONDS * 1000, ...ends)),
  }
  const value = await parts.accessTokens.issue(token, now)
  await record(parts, token, now)
  return engineGrants.buildTokenResponse(provider, {
    accessToken: value,
    tokenType: 'jkt' in binding ? 'DPoP' : 'Bearer',
    expiresIn: Math.floor((token.expiresAt.getTime() - now.getTime()) / 1000),
  })
}

/** An agent has no authority of its own that it could ask for. */
function refuseMore({ issuer }: TokenParts, ctx: KoaContextWithOIDC): void {
  refuseUnknown(ctx, KNOWN)
  const { resource, audience, scope } = ctx.oidc.params as Record<string, string | string[] | undefined>
  if ([resource ?? [], audience ?? []].flat().some((target) => target !== issuer))
    throw refuse('invalid_target', 'own_token_only', `resource: only ${issuer}; for others exchange a delegation`)
  if (scope !== undefined) throw refuse('invalid_scope', 'own_token_only', 'scope: there is none to be had')
  const { authorization_details } = (ctx.oidc.body ?? {}) as Record<string, unknown>
  if (authorization_details)
    throw refuse('invalid_authorization_details', 'own_token_only', 'Exchange a delegation for authority.')
  if (Array.isArray(scope)) throw invalidRequest('repeated_parameter', 'scope: must come once')
}

async function record(parts: TokenParts, { agent, ...token }: TokenToIssue, now: Date): Promise<void> {
  const issued: IdentityFact = {
    type: 'credence.identity.token.issued_to_self.v1',
    data: {
      agent: agent.agent,
      token: token.id,
      key_thumbprint: thumbprintOf(token.binding),
      expires_at: token.expiresAt.toISOString(),
    },
  }
  const actor = { kind: 'workload' as const, id: parts.spiffeId }
  await parts.writer.record(`credence.identity.token.${agent.agent}`, [issued], { actor, now })
}
