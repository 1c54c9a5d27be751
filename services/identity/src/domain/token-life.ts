/** Whether a token that we signed still counts, whatever its `exp` says: what it rests on has to live. */
import { type AgentEnd, type AgentState, attestedUntil } from '@credence/contracts/principals/agent'
import type { DelegationEnd } from '@credence/contracts/principals/delegation'
import { type Binding, isLiving } from './binding.ts'
import type { Grant } from './exchange.ts'

export type TokenStanding = {
  revoked: boolean
  agent: AgentState
  agentEnd: AgentEnd | undefined
  binding: Binding
  /** Of a token with authority in it. */
  delegated?: { delegationEnd: DelegationEnd | undefined; grant: Grant | undefined } | undefined
  now: Date
}

/** Why an access token counts no more; undefined while it does. */
export function tokenEnd(standing: TokenStanding): string | undefined {
  if (standing.revoked) return 'token_revoked'
  return actorEnd(standing) ?? authorityEnd(standing)
}

function actorEnd({ agent, agentEnd, binding, now }: TokenStanding): string | undefined {
  const end = holderEnd({ agent, agentEnd })
  if (end || !agent) return end
  if (!agent.result || new Date(agent.result.expiresAt) <= now) return 'attestation_expired'
  if (!isLiving(binding, agent, now)) return 'key_withdrawn'
  return attestedUntil(agent) > now.getTime() ? undefined : 'attestation_of_former_key'
}

/** Why nothing can be done in the name of this agent now. */
export function holderEnd({ agent, agentEnd }: Pick<TokenStanding, 'agent' | 'agentEnd'>): string | undefined {
  if (agentEnd || !agent) return agentEnd ?? 'agent_unknown'
  if (agent.state === 'active') return undefined
  return agent.state === 'registered' ? 'agent_not_active' : `agent_${agent.state}`
}

function authorityEnd({ delegated, now }: TokenStanding): string | undefined {
  if (!delegated) return undefined
  const { delegationEnd, grant } = delegated
  if (delegationEnd) return delegationEnd
  if (!grant) return 'grant_unknown'
  return !grant.live || new Date(grant.expires_at) <= now ? 'grant_ended' : undefined
}
