/**
 * The token exchange (RFC 8693): what a person or an agent handed on, and a grant, become an access token (RFC 9068) for
 * one resource. Without a grant the policy service is asked for one, for a task that this request begins.
 */
import { randomUUID } from 'node:crypto'
import { type AuthorizationDetail, type DroppedAuthority, dropped, intersect } from '@credence/contracts/authority'
import type { IdentityFact } from '@credence/contracts/events/catalog'
import type { Agent } from '@credence/contracts/principals/agent'
import { waitFor } from '@credence/shared/rpc/fields'
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import * as engineGrants from 'oidc-provider/lib/helpers/grants.js'
import { thumbprintOf } from '../../domain/binding.ts'
import { type Asking, decideExchange, type Grant, heldHere, obstacleTo } from '../../domain/exchange.ts'
import type { TokenToIssue } from '../context.ts'
import { checkActor } from './actor-token.ts'
import { TOKEN_EXCHANGE } from './engine.ts'
import { type ExchangeRequest, PARAMETERS, REPEATABLE, readExchange } from './exchange-request.ts'
import { openTask } from './exchange-task.ts'
import { asOAuthError, refusalOf, refuse } from './oauth-error.ts'
import { type Binding, checkBinding } from './proofs.ts'
import { type Basis, basisOf, readSubject } from './subject.ts'
import { clientOf, TOKEN_TYPE, type TokenParts, together } from './token-endpoint.ts'

export function registerTokenExchange(provider: Provider, parts: TokenParts): void {
  const handler = async (ctx: KoaContextWithOIDC) => {
    try {
      ctx.body = await exchange(provider, parts, ctx)
    } catch (error) {
      throw await asOAuthError(error, parts, ctx)
    }
  }
  provider.registerGrantType(TOKEN_EXCHANGE, handler as never, PARAMETERS, REPEATABLE)
}

async function exchange(provider: Provider, parts: TokenParts, ctx: KoaContextWithOIDC) {
  const request = readExchange(ctx)
  const [binding, , subject] = await together([
    checkBinding(provider, parts, ctx),
    parts.barrier().then(() => waitFor(request.notBefore, parts.followers)),
    readSubject(parts, request.subject),
  ])
  const now = parts.clock()
  const agent = agentOf(parts, ctx)
  if (request.actor) await checkActor(parts, request.actor, agent)
  const basis = basisOf(parts, subject, request, agent)
  const asking = askingFor(parts, { agent, basis, request, binding, now })
  const obstacle = obstacleTo(asking)
  if (obstacle) throw refusalOf(obstacle)
  const { grant, lost, asked } = await grantFor(parts, ctx, { request, basis, agent, asking })
  const answer = decideExchange({ ...asking, authorizationDetails: asked, grant })
  if (!answer.allowed || !grant) throw answer.allowed ? new Error('allowed without a grant') : refusalOf(answer)

  const { authorizationDetails, expiresAt } = answer
  const { human, delegation } = basis.delegation
  const token: TokenToIssue = {
    id: randomUUID(),
    agent,
    audience: request.resource,
    binding,
    expiresAt,
    delegated: {
      human,
      act: basis.act,
      delegation,
      grant: grant.grant,
      task: grant.task,
      authorizationDetails,
      subjectToken: basis.token,
    },
  }
  const value = await parts.accessTokens.issue(token, now)
  await record(parts, token, now)
  return engineGrants.buildTokenResponse(provider, {
    accessToken: value,
    tokenType: 'jkt' in binding ? 'DPoP' : 'Bearer',
    issuedTokenType: TOKEN_TYPE.access,
    expiresIn: Math.floor((expiresAt.getTime() - now.getTime()) / 1000),
    authorizationDetails,
    parameters: {
      grant_id: grant.grant,
      task_id: grant.task,
      ...(lost ? { authorization_details_dropped: lost } : {}),
    },
  })
}

function agentOf(parts: TokenParts, ctx: KoaContextWithOIDC): Agent {
  const agent = parts.principals.bySpiffeId(clientOf(ctx))
  if (!agent) throw refuse('invalid_client', 'agent_unknown', 'The agent is not registered.')
  return agent
}

function askingFor(
  { principals }: TokenParts,
  from: { agent: Agent; basis: Basis; request: ExchangeRequest; binding: Binding; now: Date },
): Asking {
  const { agent, basis, request, now } = from
  return {
    agent,
    agentEnd: principals.agentEnd(agent.agent, now),
    ceiling: principals.blueprint(agent.blueprint)?.ceiling ?? [],
    delegation: basis.delegation,
    delegationEnd: principals.delegationEnd(basis.delegation.delegation, now),
    subjectDetails: basis.details,
    subjectExpiresAt: basis.expiresAt,
    subjectBinding: basis.binding,
    resource: request.resource,
    authorizationDetails: request.authorizationDetails,
    binding: from.binding,
    now,
  }
}

type Granted = {
  grant: Grant | undefined
  /** What has to be inside the grant; a grant that was made for this request is cut already. */
  asked: AuthorizationDetail[] | undefined
  /** What was asked and not given, when the grant was made for this request. */
  lost?: DroppedAuthority[]
}

async function grantFor(
  parts: TokenParts,
  ctx: KoaContextWithOIDC,
  from: { request: ExchangeRequest; basis: Basis; agent: Agent; asking: Asking },
): Promise<Granted> {
  const { request, basis, agent, asking } = from
  const asked = request.authorizationDetails
  const id = basis.grant ?? request.grantId
  if (id !== undefined) return { grant: parts.grants.get(id), asked }
  const wanted = basis.details && asked ? intersect(asked, basis.details) : (asked ?? heldHere(asking))
  if (wanted.length === 0)
    throw asked
      ? refuse(
          'invalid_authorization_details',
          'nothing_left',
          'Nothing of what was asked is inside the subject token.',
        )
      : refuse('invalid_target', 'outside_delegation', 'The delegation holds nothing for this resource.')
  const opened = await openTask(parts, ctx, { request, delegation: basis.delegation, agent, wanted })
  const before = asked ? dropped(asked, wanted, 'outside_subject_token') : []
  return { grant: opened.grant, asked: undefined, lost: [...before, ...opened.dropped] }
}

/** The answer waits for it. */
async function record(parts: TokenParts, token: TokenToIssue, now: Date): Promise<void> {
  const { agent, delegated } = token
  if (!delegated) throw new Error('a token of nobody')
  const { human, delegation, grant, task } = delegated
  const issued: IdentityFact = {
    type: 'credence.identity.token.issued.v1',
    data: {
      agent: agent.agent,
      token: token.id,
      grant,
      delegation,
      audience: token.audience,
      authorization_details: delegated.authorizationDetails,
      key_thumbprint: thumbprintOf(token.binding),
      expires_at: token.expiresAt.toISOString(),
      ...(delegated.subjectToken ? { subject_token: delegated.subjectToken } : {}),
    },
  }
  const actor = { kind: 'workload' as const, id: parts.spiffeId }
  const correlation = { delegation, human, task }
  await parts.writer.record(`credence.identity.token.${agent.agent}`, [issued], { actor, correlation, now })
}
