/** An agent as callers see it. */
import type {
  AgentAutonomy,
  AgentKind,
  AgentState,
  Agent as Shown,
} from '@credence/contracts/gen/credence/identity/v1/identity'
import type { Agent } from '@credence/contracts/principals/agent'
import { enumName } from '@credence/shared/rpc/fields'
import type { Principals } from '../../projections/principals.ts'

export function showAgent(agent: Agent, principals: Principals, now: Date): Shown {
  const { earlierKey } = agent
  const usedAt = principals.agentIndex.record(agent.agent)?.usedAt
  return {
    id: agent.agent,
    spiffeId: agent.spiffe_id,
    blueprint: agent.blueprint,
    purpose: agent.purpose,
    sponsor: principals.sponsorOf(agent),
    owner: agent.owner,
    state: enumName<AgentState>('AGENT_STATE_', principals.stateOf(agent, now)),
    kind: enumName<AgentKind>('AGENT_KIND_', agent.kind),
    autonomy: enumName<AgentAutonomy>('AGENT_AUTONOMY_', agent.autonomy),
    model: agent.model,
    promptDigest: agent.prompt_digest,
    toolManifestDigest: agent.tool_manifest_digest,
    parent: agent.parent ?? '',
    keyThumbprint: agent.key_thumbprint,
    expiresAt: new Date(agent.expires_at),
    labels: agent.labels ?? {},
    lastUsedAt: usedAt === undefined ? undefined : new Date(usedAt),
    earlierKeyThumbprint: earlierKey && new Date(earlierKey.endsAt) > now ? earlierKey.thumbprint : '',
  }
}
