/** A token request without a grant begins a task: the policy service decides, and says no in its own words. */
import { randomUUID } from 'node:crypto'
import type { AuthorizationDetail } from '@credence/contracts/authority'
import { CredenceError, unavailable } from '@credence/contracts/errors'
import type { Trigger } from '@credence/contracts/events/values'
import type { Agent } from '@credence/contracts/principals/agent'
import type { Delegation } from '@credence/contracts/principals/delegation'
import { sha256 } from '@credence/shared/digest'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { ExchangeRequest } from './exchange-request.ts'
import { refuse } from './oauth-error.ts'
import type { TokenParts } from './token-endpoint.ts'

type Opening = { request: ExchangeRequest; delegation: Delegation; agent: Agent; wanted: AuthorizationDetail[] }

/** @throws Refused with the reason of the policy service; CredenceError `unavailable` when there is no answer */
export async function openTask({ tasks }: Pick<TokenParts, 'tasks'>, ctx: KoaContextWithOIDC, opening: Opening) {
  const { request, delegation, agent, wanted } = opening
  const { trigger, purpose, lifetimeSeconds } = request.task
  try {
    return await tasks.open({
      agent: agent.agent,
      delegation: delegation.delegation,
      trigger: trigger ?? thisRequest(ctx, agent),
      purpose: purpose ?? delegation.purpose,
      authorizationDetails: wanted,
      lifetimeSeconds,
    })
  } catch (error) {
    throw asRefusal(error, request)
  }
}

/** What a request is told apart by: its parameters, but nothing that is secret. */
function thisRequest(ctx: KoaContextWithOIDC, agent: Agent): Trigger {
  const parameters = Object.entries((ctx.oidc.body ?? {}) as object)
    .filter(([name]) => !/_(token|assertion)$/.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return {
    type: 'token_request',
    source: agent.spiffe_id,
    id: randomUUID(),
    digest: sha256(JSON.stringify(parameters)),
  }
}

/** Not an agent's doing: identity is not configured to ask, or nobody answers. */
const OURS = ['role_missing', 'not_identity', 'no_credential']

function asRefusal(error: unknown, request: ExchangeRequest): unknown {
  if (!(error instanceof CredenceError)) return unavailable('policy_answer', 'The policy service cannot be understood.')
  const { status, reason, message } = error
  const isDecided = ['invalid_argument', 'permission_denied', 'not_found', 'failed_precondition'].includes(status)
  if (!isDecided || OURS.includes(reason)) return unavailable('policy_down', message, error)
  return refuse(codeFor(status, reason, request), reason, message)
}

function codeFor(status: string, reason: string, { authorizationDetails }: ExchangeRequest): string {
  if (reason === 'nothing_left' || reason === 'too_many_parts')
    return authorizationDetails ? 'invalid_authorization_details' : 'invalid_target'
  if (status === 'permission_denied') return 'actor_unauthorized'
  return /^(agent_|parent_|blueprint_|attestation_)/.test(reason) ? 'actor_unauthorized' : 'invalid_request'
}
