/** An agent as every service folds it from IDENTITY, and whether it may still act. */
import type { EventData, Fact } from '../events/catalog.ts'
import type { PublicJwk } from '../events/identity.ts'

/** The key before the newest, which counts until `endsAt`. */
export type EarlierKey = { jwk: PublicJwk; thumbprint: string; endsAt: string }

export type Agent = EventData<'credence.identity.agent.registered.v1'> & {
  /** What was last said of it; expiry is a matter of time as well and stands in `expires_at`. */
  state: 'registered' | 'active' | 'suspended' | 'quarantined' | 'revoked' | 'retired' | 'expired'
  /** The newest accepted attestation result, and the key that attested; gone when it was lost. */
  result?: { id: string; expiresAt: string; keyThumbprint: string }
  /** Place in ATTESTATION of the newest event that made it what it is. */
  attestedAt?: string
  /** Why it is suspended or in quarantine. */
  heldFor?: HoldCause
  earlierKey?: EarlierKey
  /** True when its newest key was withdrawn: nothing that it signs counts. */
  keyWithdrawn?: boolean
  /** Thumbprints of all keys before the newest: none of them is ever its key again. */
  formerKeys?: string[]
  /** Thumbprints of keys that others know. */
  withdrawnKeys?: string[]
}

export type AgentState = Agent | undefined

export type HoldCause =
  | EventData<'credence.identity.agent.suspended.v1'>['cause']
  | EventData<'credence.identity.agent.quarantined.v1'>['cause']

export const agentEvolution = { initialState: undefined as AgentState, evolve }

const ENDS = new Set<Agent['state']>(['revoked', 'retired', 'expired'])
export const hasEnded = ({ state }: Pick<Agent, 'state'>): boolean => ENDS.has(state)

/** Suspended or quarantined: it lives, and nothing goes through it. */
export const isHeld = ({ state }: Pick<Agent, 'state'>): boolean => state === 'suspended' || state === 'quarantined'

const LIFTED_BY_ATTESTING = ['attestation_expired', 'attestation_revoked'] as const
type LiftedByAttesting = (typeof LIFTED_BY_ATTESTING)[number]

/** Suspended until it attests again: by no person, and lifted by none. */
export const isSuspendedByAttestation = (agent: Agent): agent is Agent & { heldFor: LiftedByAttesting } =>
  agent.state === 'suspended' && isLiftedByAttesting(agent.heldFor)

export const isLiftedByAttesting = (cause: HoldCause | undefined): cause is LiftedByAttesting =>
  LIFTED_BY_ATTESTING.some((one) => one === cause)

function evolve(state: AgentState, fact: Fact): AgentState {
  if (fact.type === 'credence.identity.agent.registered.v1') return state ?? { ...fact.data, state: 'registered' }
  return state && change(state, fact)
}

function change(agent: Agent, fact: Fact): Agent {
  switch (fact.type) {
    case 'credence.identity.agent.activated.v1': {
      const { result: id, result_expires_at: expiresAt, position } = fact.data
      // Events that do not say which key attested are of a time when it was taken to be the newest.
      const { key_thumbprint: keyThumbprint = agent.key_thumbprint } = fact.data
      const result = { id, expiresAt, keyThumbprint }
      const attested = { ...agent, result, ...(position ? { attestedAt: position } : {}) }
      return agent.state === 'registered' || isSuspendedByAttestation(agent) ? to(attested, 'active') : attested
    }
    case 'credence.identity.agent.attestation_lost.v1': {
      const { result: _, ...rest } = agent
      return { ...rest, attestedAt: fact.data.position }
    }
    case 'credence.identity.agent.suspended.v1':
      return to(agent, 'suspended', fact.data.cause)
    case 'credence.identity.agent.quarantined.v1':
      return to(agent, 'quarantined', fact.data.cause)
    case 'credence.identity.agent.restored.v1':
      return to(agent, agent.result ? 'active' : 'registered')
    case 'credence.identity.agent.renewed.v1':
      return { ...agent, expires_at: fact.data.expires_at }
    case 'credence.identity.agent.owner_changed.v1':
      return { ...agent, owner: fact.data.owner }
    case 'credence.identity.agent.key_rotated.v1': {
      const { public_jwk, key_thumbprint, previous_ends_at } = fact.data
      const earlierKey = { jwk: agent.public_jwk, thumbprint: agent.key_thumbprint, endsAt: previous_ends_at }
      return {
        ...agent,
        public_jwk,
        key_thumbprint,
        ...(agent.keyWithdrawn ? {} : { earlierKey }),
        keyWithdrawn: false,
        formerKeys: [...(agent.formerKeys ?? []), agent.key_thumbprint],
      }
    }
    case 'credence.identity.agent.key_withdrawn.v1':
      return withoutKey(agent, fact.data.key_thumbprint)
    case 'credence.identity.agent.revoked.v1':
      return to(agent, 'revoked')
    case 'credence.identity.agent.retired.v1':
      return to(agent, 'retired')
    case 'credence.identity.agent.expired.v1':
      return to(agent, 'expired')
    default:
      return agent
  }
}

/** No end is ever left again, whatever is said later. */
function to(agent: Agent, state: Agent['state'], heldFor?: HoldCause): Agent {
  if (hasEnded(agent)) return agent
  const { heldFor: _, ...rest } = agent
  return { ...rest, state, ...(heldFor ? { heldFor } : {}) }
}

function withoutKey(agent: Agent, thumbprint: string): Agent {
  const { earlierKey, ...rest } = { ...agent, withdrawnKeys: [...(agent.withdrawnKeys ?? []), thumbprint] }
  if (agent.key_thumbprint === thumbprint) rest.keyWithdrawn = true
  return earlierKey && earlierKey.thumbprint !== thumbprint ? { ...rest, earlierKey } : rest
}

export type LivingKey = { jwk: PublicJwk; thumbprint: string }

/** The public keys by which an agent may prove itself now, the newest first; none when they were withdrawn. */
export function livingKeys(agent: Agent, now: Date): LivingKey[] {
  const { earlierKey } = agent
  return [
    ...(agent.keyWithdrawn ? [] : [{ jwk: agent.public_jwk, thumbprint: agent.key_thumbprint }]),
    ...(earlierKey && new Date(earlierKey.endsAt) > now ? [earlierKey] : []),
  ]
}

/**
 * Until when a key is one of the agent’s living ones, in milliseconds since the epoch: infinity for the newest, 0 for one
 * that is none of them.
 */
export function keyEnd(
  { key_thumbprint, keyWithdrawn, earlierKey }: Pick<Agent, 'key_thumbprint' | 'keyWithdrawn' | 'earlierKey'>,
  thumbprint: string,
): number {
  if (thumbprint === key_thumbprint) return keyWithdrawn ? 0 : Number.POSITIVE_INFINITY
  return thumbprint === earlierKey?.thumbprint ? Date.parse(earlierKey.endsAt) : 0
}

/**
 * What an agent was found to be was found of whoever held the key that attested: a result counts while that key is one of
 * the agent’s living ones, and for no other that never attested.
 * @returns until when the newest accepted result counts, in milliseconds since the epoch; 0 when there is none
 */
export const attestedUntil = (agent: Agent): number =>
  agent.result ? Math.min(Date.parse(agent.result.expiresAt), keyEnd(agent, agent.result.keyThumbprint)) : 0

/** Longest chain that is walked; a longer one counts as ended. */
export const MAX_DEPTH = 32

export type AgentEnd =
  | 'agent_unknown'
  | 'agent_revoked'
  | 'agent_retired'
  | 'agent_expired'
  | 'blueprint_withdrawn'
  | 'parent_ended'

export type FindAgent = (id: string) => AgentState
/** Whether the blueprint of this name was withdrawn. */
export type IsWithdrawn = (blueprint: string) => boolean

/** Why an agent is at its end: by itself, or because one above it is. Undefined while it lives. */
export function agentEnd(id: string, find: FindAgent, now: Date, isWithdrawn: IsWithdrawn): AgentEnd | undefined {
  let next: string | undefined = id
  for (let depth = 0; next !== undefined; depth++) {
    const agent: AgentState = depth < MAX_DEPTH ? find(next) : undefined
    const end = ownEnd(agent, now) ?? (agent && isWithdrawn(agent.blueprint) ? 'blueprint_withdrawn' : undefined)
    if (end) return depth === 0 || end === 'blueprint_withdrawn' ? end : 'parent_ended'
    next = agent?.survives_parent ? undefined : agent?.parent
  }
  return undefined
}

function ownEnd(agent: AgentState, now: Date): AgentEnd | undefined {
  if (!agent) return 'agent_unknown'
  if (agent.state === 'revoked') return 'agent_revoked'
  if (agent.state === 'retired') return 'agent_retired'
  return agent.state === 'expired' || !(new Date(agent.expires_at) > now) ? 'agent_expired' : undefined
}

/** The id in `spiffe://<trust-domain>/agent/<blueprint>/<agent-id>`; the caller compares the whole name with the agent’s. */
export const agentIdIn = (spiffeId: string): string => spiffeId.slice(spiffeId.lastIndexOf('/') + 1)
