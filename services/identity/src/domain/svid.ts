/** May this agent have an SVID now, and until when? */
import { precondition } from '@credence/contracts/errors'
import { type Agent, type AgentEnd, type AgentState, isHeld } from '@credence/contracts/principals/agent'
import { heldBecause } from './agent-life.ts'

/** X.509-SVIDs live for an hour at most, JWT-SVIDs (bearer tokens) for five minutes. */
export const MAX_X509_SVID_SECONDS = 3_600
export const MAX_JWT_SVID_SECONDS = 300

/**
 * @param wanted.seconds how long it shall live; it ends no later than the agent, or its attestation result
 * @throws CredenceError `failed_precondition` that says what the agent lacks
 */
export function decideSvid(
  agent: AgentState,
  agentEnd: AgentEnd | undefined,
  wanted: { seconds: number; now: Date },
): { agent: Agent; expiresAt: Date } {
  const { seconds, now } = wanted
  if (!agent || agentEnd) throw precondition(agentEnd ?? 'agent_unknown', 'The agent has ended.')
  if (isHeld(agent)) throw heldBecause(agent)
  if (agent.state !== 'active' || !agent.result)
    throw precondition('agent_not_active', 'The agent is not active: attest first.')
  if (new Date(agent.result.expiresAt) <= now)
    throw precondition('attestation_expired', 'The attestation result has expired: attest again.')
  if (agent.keyWithdrawn)
    throw precondition('key_withdrawn', 'The newest key of the agent was withdrawn: rotate it first.')
  const ends = [agent.expires_at, agent.result.expiresAt].map((end) => new Date(end).getTime())
  return { agent, expiresAt: new Date(Math.min(now.getTime() + seconds * 1000, ...ends)) }
}
