/** May this agent have an SVID now, and until when? */
import { precondition } from '@credence/contracts/errors'
import { type Agent, type AgentEnd, type AgentState, attestedUntil, isHeld } from '@credence/contracts/principals/agent'
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
  const attested = attestedUntil(agent)
  if (!(attested > now.getTime()))
    throw precondition(
      'attestation_of_former_key',
      'The key that attested is none of the agent’s keys any more: attest again with its newest key.',
    )
  const end = Math.min(now.getTime() + seconds * 1000, Date.parse(agent.expires_at), attested)
  return { agent, expiresAt: new Date(end) }
}
