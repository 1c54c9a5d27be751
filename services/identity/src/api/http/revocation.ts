/**
 * Revocation (RFC 7009): an agent gives a token of its own back. An access token counts no more from then on, anywhere;
 * with a delegation token the delegation itself ends, and all that was passed on from it. A token that counts no more,
 * or never did, is as good as revoked (§2.2).
 */
import type { IdentityFact } from '@credence/contracts/events/catalog'
import type { Agent } from '@credence/contracts/principals/agent'
import { messageOf } from '@credence/shared/log'
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import { revokeDelegation } from '../../domain/delegation.ts'
import { asOAuthError, refuse } from './oauth-error.ts'
import { type Answer, takeOver } from './structured-tokens.ts'
import { clientOf, type TokenParts } from './token-endpoint.ts'

const DONE: Answer = { status: 200, body: '' }

export function registerRevocation(provider: Provider, parts: TokenParts): void {
  takeOver(provider, 'revocation', async (ctx, token) => {
    try {
      await revoke(parts, ctx, token)
      return DONE
    } catch (error) {
      const shown = (await asOAuthError(error, parts, ctx)) as Error & { status?: number; error_description?: string }
      if (shown.status === undefined) parts.log.error('revocation failed', { error: messageOf(error) })
      const { status = 500, message, error_description } = shown
      return { status, body: status === 500 ? { error: 'server_error' } : { error: message, error_description } }
    }
  })
}

async function revoke(parts: TokenParts, ctx: KoaContextWithOIDC, token: string): Promise<void> {
  const now = parts.clock()
  await parts.barrier()
  const agent = parts.principals.bySpiffeId(clientOf(ctx))
  const access = await parts.accessTokens.verify(token, now).catch(() => undefined)
  if (access) {
    if (!agent || access.client !== agent.spiffe_id) throw ofAnother()
    if (!parts.revokedTokens.has(access.token)) await revokeAccess(parts, agent, access)
    return
  }
  const claims = await parts.delegationTokens.verify(token, now).catch(() => undefined)
  const delegation = claims && parts.principals.delegation(claims.delegation)
  if (!delegation) return
  if (delegation.agent !== agent?.agent) throw ofAnother()
  await parts.writer.execute(parts.principals.delegations, {
    id: delegation.delegation,
    actor: actorOf(agent),
    correlation: { delegation: delegation.delegation, human: delegation.human },
    now,
    decide: (state) => revokeDelegation(state, delegation.delegation, 'Given back by the agent'),
  })
}

const ofAnother = () => refuse('unauthorized_client', 'token_of_another_client', 'The token was not issued to you.')

const actorOf = (agent: Agent) => ({ kind: 'agent' as const, id: agent.spiffe_id })

async function revokeAccess(
  parts: TokenParts,
  agent: Agent,
  {
    token,
    expiresAt,
    delegated,
  }: { token: string; expiresAt: Date; delegated?: { delegation: string; task: string } | undefined },
): Promise<void> {
  const data = { agent: agent.agent, token, expires_at: expiresAt.toISOString() }
  const revoked: IdentityFact = { type: 'credence.identity.token.revoked.v1', data }
  const correlation = delegated ? { delegation: delegated.delegation, task: delegated.task } : {}
  const about = { actor: actorOf(agent), correlation, now: parts.clock() }
  await parts.writer.record(`credence.identity.token.${agent.agent}`, [revoked], about)
}
