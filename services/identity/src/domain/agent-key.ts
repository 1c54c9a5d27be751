/** Keys of agents: each belongs to one agent for ever, is followed by another, or withdrawn when others know it. */
import { CredenceError, invalid, notFound, precondition } from '@credence/contracts/errors'
import type { EventData, IdentityFact } from '@credence/contracts/events/catalog'
import type { PublicJwk } from '@credence/contracts/events/identity'
import { latest } from '@credence/contracts/events/latest'
import { type AgentState, hasEnded, isHeld } from '@credence/contracts/principals/agent'
import { heldBecause, living, quarantineAgent } from './agent-life.ts'

/** The aggregate of one key, named by its thumbprint (RFC 7638): who is first has it. */
export type BoundKeyState = EventData<'credence.identity.key.bound.v1'> | undefined
export const boundKeyEvolution = latest('credence.identity.key.bound.v1')

export const keyTaken = () =>
  new CredenceError(
    'already_exists',
    'key_taken',
    'public_jwk: this key belongs to an agent already; each agent makes its own.',
  )

/** @throws CredenceError `already_exists` when the key belongs to another agent; the same agent may bind it again */
export function bindKey(state: BoundKeyState, agent: string, thumbprint: string): IdentityFact[] {
  if (state?.agent === agent) return []
  if (state) throw keyTaken()
  return [{ type: 'credence.identity.key.bound.v1', data: { agent, key_thumbprint: thumbprint } }]
}

/** The longest time that an agent may have two keys: a day. */
export const MAX_OVERLAP_SECONDS = 86_400

/** One that is held keeps its key: whoever stole it could otherwise take the agent over before it is looked at. */
export function rotateKey(
  state: AgentState,
  command: { id: string; publicJwk: PublicJwk; keyThumbprint: string; overlapSeconds: number },
  now: Date,
): IdentityFact[] {
  const { id, publicJwk, keyThumbprint, overlapSeconds } = command
  const agent = living(state, id, now)
  if (isHeld(agent)) throw heldBecause(agent)
  if (!(overlapSeconds >= 0 && overlapSeconds <= MAX_OVERLAP_SECONDS))
    throw invalid('overlap_seconds', `must be from 0 to ${MAX_OVERLAP_SECONDS}`)
  if ([agent.key_thumbprint, ...(agent.formerKeys ?? [])].includes(keyThumbprint))
    throw invalid('public_jwk', 'is a key that the agent has, or had: make a new one')
  const data = {
    agent: id,
    public_jwk: publicJwk,
    key_thumbprint: keyThumbprint,
    previous: agent.key_thumbprint,
    previous_ends_at: new Date(now.getTime() + overlapSeconds * 1000).toISOString(),
  }
  return [{ type: 'credence.identity.agent.key_rotated.v1', data }]
}

/**
 * Somebody else knows the key. It counts no more, and whoever had it may have used it: the agent goes into quarantine,
 * also when the key was followed by another long ago.
 */
export function withdrawKey(
  state: AgentState,
  command: { id: string; thumbprint: string; reason: string },
  now: Date,
): IdentityFact[] {
  const { id, thumbprint, reason } = command
  if (!state) throw notFound('agent', id)
  if (state.key_thumbprint !== thumbprint && !state.formerKeys?.includes(thumbprint))
    throw invalid('key_thumbprint', 'must be that of a key which the agent has, or had')
  if (hasEnded(state)) throw precondition(`agent_${state.state}`, 'The agent has ended, and its keys with it.')
  if (state.withdrawnKeys?.includes(thumbprint)) return []
  return [
    { type: 'credence.identity.agent.key_withdrawn.v1', data: { agent: id, key_thumbprint: thumbprint, reason } },
    ...quarantineAgent(state, id, { cause: 'key_compromised', reason }, now),
  ]
}
