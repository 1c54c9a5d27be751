/**
 * The authorization code grant (RFC 6749 §4.1.3): the code that a person’s consent made becomes the token of that
 * delegation, for the agent that asked, with the key that it asked with, once. A code that comes again is refused and
 * recorded; the delegation stays: only the agent itself can have sent it, and it may have lost the first answer.
 */
import { livingKeys } from '@credence/contracts/principals/agent'
import type { Delegation } from '@credence/contracts/principals/delegation'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { Barrier } from '@credence/shared/event-store/barrier'
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import { checkAttestBinding } from 'oidc-provider/lib/helpers/check_attest_binding.js'
import * as grants from 'oidc-provider/lib/helpers/grants.js'
import checkPKCE from 'oidc-provider/lib/helpers/pkce.js'
import type { Principals } from '../../projections/principals.ts'
import type { DelegationTokens, Replay } from '../context.ts'
import { checkBinding } from './proofs.ts'
import { Refused } from './refusals.ts'

export type CodeGrantParts = {
  spiffeId: string
  principals: Principals
  barrier: Barrier
  writer: Writer
  replay: Replay
  delegationTokens: DelegationTokens
  clock: Clock
}

type Code = {
  clientId: string
  grantId: string
  accountId: string
  redirectUri: string
  codeChallenge: string
  codeChallengeMethod: string
  dpopJkt?: string
  attestationJkt?: string
  consumed?: number
  isExpired: boolean
  consume(): Promise<void>
}

export function registerCodeGrant(provider: Provider, parts: CodeGrantParts): void {
  const handler = async (ctx: KoaContextWithOIDC) => {
    ctx.body = await redeem(provider, parts, ctx)
  }
  provider.registerGrantType('authorization_code', handler as never, ['code', 'code_verifier', 'redirect_uri'])
}

async function redeem(provider: Provider, parts: CodeGrantParts, ctx: KoaContextWithOIDC): Promise<object> {
  const { principals, clock } = parts
  const needed = parameters(ctx)
  const agent = principals.bySpiffeId(ctx.oidc.client?.clientId ?? '')
  if (!agent) throw refused('agent_unknown', 'There is no such agent.')
  const binding = await checkBinding(provider, parts, ctx)
  const proof = 'jkt' in binding ? binding.jkt : undefined
  if (proof && !livingKeys(agent, clock()).some(({ thumbprint }) => thumbprint === proof))
    throw new Refused('invalid_dpop_proof', 'other_key', 'The DPoP proof must be by a registered key of the agent.')
  const code = await codeOf(provider, needed.code, agent.spiffe_id)
  if (code.redirectUri !== needed.redirect_uri)
    throw refused('other_redirect_uri', 'redirect_uri: is not the one of the authorization request.')
  checkPKCE(needed.code_verifier, code.codeChallenge, code.codeChallengeMethod)
  if (code.dpopJkt && code.dpopJkt !== proof)
    throw refused('other_key', 'The code is bound to the key of another DPoP proof.')
  if (code.attestationJkt) await checkAttestBinding(ctx, code)
  await code.consume()

  await parts.barrier()
  const now = clock()
  const delegation = principals.delegation(code.grantId)
  const end = principals.delegationEnd(code.grantId, now)
  if (!delegation || end) throw refused(end ?? 'delegation_unknown', 'The delegation no longer counts.')
  if (delegation.agent !== agent.agent || principals.agentEnd(agent.agent, now))
    throw refused('agent_ended', 'The agent has ended.')
  const token = await parts.delegationTokens.issue(delegation)
  await record(parts, delegation, proof, now)
  return grants.buildTokenResponse(provider, {
    accessToken: token,
    tokenType: proof ? 'DPoP' : 'Bearer',
    expiresIn: Math.floor((new Date(delegation.expires_at).getTime() - now.getTime()) / 1000),
    authorizationDetails: delegation.authorization_details,
    parameters: { delegation_id: delegation.delegation },
  })
}

function parameters(ctx: KoaContextWithOIDC) {
  const sent = ctx.oidc.params as Record<string, string | undefined>
  const needed = (name: string): string => {
    const value = sent[name]
    if (!value) throw new Refused('invalid_request', 'missing_parameter', `${name}: is missing`)
    return value
  }
  return {
    code: needed('code'),
    redirect_uri: needed('redirect_uri'),
    code_verifier: needed('code_verifier'),
  }
}

async function codeOf(provider: Provider, value: string, client: string): Promise<Code> {
  const found = await provider.AuthorizationCode.find(value, { ignoreExpiration: true })
  const code = found as unknown as Code | undefined
  if (!code || code.clientId !== client) throw refused('code_unknown', 'code: is none of this client.')
  if (code.consumed) throw refused('code_replayed', 'code: was used before.')
  if (code.isExpired) throw refused('code_expired', 'code: has expired.')
  return code
}

const refused = (reason: string, description: string) => new Refused('invalid_grant', reason, description)

async function record(parts: CodeGrantParts, delegation: Delegation, thumbprint: string | undefined, now: Date) {
  const data = {
    delegation: delegation.delegation,
    agent: delegation.agent,
    ...(thumbprint ? { key_thumbprint: thumbprint } : {}),
    expires_at: delegation.expires_at,
  }
  await parts.writer.record(
    `credence.identity.token.${delegation.agent}`,
    [{ type: 'credence.identity.delegation.collected.v1', data }],
    {
      actor: { kind: 'workload', id: parts.spiffeId },
      correlation: { delegation: delegation.delegation, human: delegation.human },
      now,
    },
  )
}
