/**
 * What attestation makes of an agent: active by an accepted result, held when the result is lost or over. All of it is
 * decided on the agent's state and on places in ATTESTATION, so that neither repetition nor a late word changes anything.
 */
import type { IdentityFact } from '@credence/contracts/events/catalog'
import type { AttestationLoss } from '@credence/contracts/events/identity'
import { type Agent, type AgentState, hasEnded, keyEnd } from '@credence/contracts/principals/agent'
import { parsePosition } from '@credence/contracts/streams'
import { quarantineAgent, suspendAgent } from './agent-life.ts'

/** `keyThumbprint`: of the key that attested. `position`: where it was recorded. */
export type Accepted = { id: string; expiresAt: string; keyThumbprint: string; position: string }

/**
 * An accepted result makes an agent active, or keeps it so, and lifts a suspension by attestation. One that ended stays
 * ended, and one that is held stays held: good evidence does not lift what a person decided, nor a quarantine. What a key
 * showed that was followed by another or withdrawn meanwhile says nothing of the agent.
 */
export function activateAgent(state: AgentState, result: Accepted, now: Date): IdentityFact[] {
  if (!lives(state, now) || state.result?.id === result.id || !isNews(state, result.position)) return []
  if (!(keyEnd(state, result.keyThumbprint) > now.getTime())) return []
  const data = {
    agent: state.agent,
    result: result.id,
    key_thumbprint: result.keyThumbprint,
    result_expires_at: result.expiresAt,
    position: result.position,
  }
  return [{ type: 'credence.identity.agent.activated.v1', data }]
}

export type Loss = {
  /** The result that was revoked; absent: whichever it has. */
  result?: string
  cause: AttestationLoss
  consequence: 'quarantine' | 'suspend'
  reason: string
  position: string
}

/**
 * The accepted result counts no more: the agent loses it, and is held if it is not already. One that was never active has
 * nothing to lose; that a result was revoked says nothing of a newer one.
 */
export function loseAttestation(state: AgentState, loss: Loss, now: Date): IdentityFact[] {
  const { cause, reason, position } = loss
  if (!lives(state, now) || !isNews(state, position)) return []
  const { agent, result } = state
  const wasActive = result !== undefined || state.attestedAt !== undefined
  if (!wasActive || (loss.result !== undefined && result?.id !== loss.result)) return []
  const lost = { agent, cause, position, ...(result ? { result: result.id } : {}) }
  return [
    { type: 'credence.identity.agent.attestation_lost.v1', data: lost },
    ...(loss.consequence === 'quarantine'
      ? quarantineAgent(state, agent, { cause, reason }, now)
      : suspendAgent(state, agent, { cause: 'attestation_revoked', reason }, now)),
  ]
}

/** The deadline was missed: suspended until it attests again. */
export function expireAttestation(state: AgentState, now: Date): IdentityFact[] {
  if (!lives(state, now) || state.state !== 'active' || !state.result) return []
  const { expiresAt } = state.result
  if (new Date(expiresAt) > now) return []
  const reason = `Its attestation result was over at ${expiresAt}, and there is no newer one.`
  return suspendAgent(state, state.agent, { cause: 'attestation_expired', reason }, now)
}

const lives = (state: AgentState, now: Date): state is Agent =>
  state !== undefined && !hasEnded(state) && new Date(state.expires_at) > now

/** Whether nothing that was recorded later, or this itself, has been heard already. */
function isNews({ attestedAt }: Agent, position: string): boolean {
  const [known, told] = [attestedAt, position].map((text) => parsePosition(text ?? ''))
  return !known || known.stream !== told?.stream || told.sequence > known.sequence
}
