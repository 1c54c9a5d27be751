/** Facts, as tests need them: one blueprint, one agent, its delegation and its result. */
import type { AuthorizationDetail } from '@credence/contracts/authority'
import type { EventData, EventType, Fact } from '@credence/contracts/events/catalog'
import type { PublicJwk } from '@credence/contracts/events/identity'
import type { Trigger } from '@credence/contracts/events/values'
import { Sensitivity } from '@credence/contracts/events/values'
import type { Blueprint } from '@credence/contracts/principals/blueprint'
import type { Human } from '@credence/contracts/principals/human'
import { newId } from '@credence/shared/ids'

export const NOW = new Date('2026-11-24T12:00:00.000Z')
const HOUR_MS = 3_600_000
export const hours = (count: number, from: Date = NOW): string =>
  new Date(from.getTime() + count * HOUR_MS).toISOString()

export const DIGEST = 'a'.repeat(64)
export const CALENDAR = 'https://calendar.acme.example'
export const TRIGGER: Trigger = { type: 'message', source: 'https://chat.acme.example', id: 'msg-1', digest: DIGEST }

export const detail = (part: Partial<AuthorizationDetail> = {}): AuthorizationDetail => ({
  type: 'agent_permission',
  locations: [CALENDAR],
  actions: ['calendar.*'],
  resources: ['CalendarEvent::*'],
  ...part,
})

export const blueprint = (
  part: Partial<EventData<'credence.identity.blueprint.created.v1'>> = {},
): EventData<'credence.identity.blueprint.created.v1'> => ({
  blueprint: 'meeting-scheduler',
  purpose: 'Books meetings',
  sponsor: newId('hum'),
  owner: newId('hum'),
  ceiling: [detail()],
  allowed_models: [{ provider: 'acme', name: 'small' }],
  maximum_lifetime_seconds: 86_400,
  maximum_spawn_depth: 2,
  ...part,
})

/** The same, as it is folded. */
export const folded = (part: Partial<Blueprint> = {}): Blueprint => ({ ...blueprint(), withdrawn: false, ...part })

/** Somebody who is there. */
export const person = (part: Partial<Human> = {}): Human => ({
  human: newId('hum'),
  groups: [],
  active: true,
  departures: 0,
  ...part,
})

export const agent = (
  part: Partial<EventData<'credence.identity.agent.registered.v1'>> = {},
): EventData<'credence.identity.agent.registered.v1'> => {
  const id = part.agent ?? newId('agt')
  return {
    agent: id,
    spiffe_id: `spiffe://acme.example/agent/meeting-scheduler/${id}`,
    blueprint: 'meeting-scheduler',
    purpose: 'Books meetings',
    sponsor: newId('hum'),
    owner: newId('hum'),
    kind: 'ephemeral',
    autonomy: 'delegated',
    model: { provider: 'acme', name: 'small', version: '1', digest: DIGEST },
    prompt_digest: DIGEST,
    tool_manifest_digest: DIGEST,
    public_jwk: { kty: 'OKP', crv: 'Ed25519', x: 'x' } satisfies PublicJwk,
    key_thumbprint: `thumbprint-of-${id}`,
    spawn_depth_left: 2,
    expires_at: hours(8),
    ...part,
  }
}

export const delegation = (
  part: Partial<EventData<'credence.identity.delegation.granted.v1'>> = {},
): EventData<'credence.identity.delegation.granted.v1'> => ({
  delegation: newId('dlg'),
  human: newId('hum'),
  agent: newId('agt'),
  authorization_details: [detail()],
  purpose: 'My meetings',
  not_before: hours(-1),
  expires_at: hours(4),
  maximum_depth: 1,
  ...part,
})

export const mandate = (
  part: Partial<EventData<'credence.identity.mandate.granted.v1'>> = {},
): EventData<'credence.identity.mandate.granted.v1'> => ({
  mandate: newId('mnd'),
  blueprint: 'meeting-scheduler',
  human: newId('hum'),
  authorization_details: [detail()],
  purpose: 'Tidies calendars at night',
  not_before: hours(-1),
  expires_at: hours(4),
  maximum_depth: 1,
  ...part,
})

export const result = (
  part: Partial<EventData<'credence.attestation.result.recorded.v1'>> = {},
): EventData<'credence.attestation.result.recorded.v1'> => ({
  result: newId('att'),
  challenge: newId('chl'),
  agent: newId('agt'),
  blueprint: 'meeting-scheduler',
  // The key of `agent` above.
  key_thumbprint: `thumbprint-of-${part.agent ?? 'nobody'}`,
  status: 'affirming',
  accepted: true,
  changed: false,
  kinds: ['software'],
  evidence: [],
  trustworthiness_vector: { executables: 2 },
  reasons: [],
  references: [],
  anchors: [],
  digests: [],
  sufficient: SENSITIVITIES.map((sensitivity) => ({ sensitivity, expires_at: part.expires_at ?? hours(2) })),
  result_digest: DIGEST,
  expires_at: hours(2),
  ...part,
})
/** A result is enough for all of them, where a profile says nothing of sensitivity. */
const SENSITIVITIES = Sensitivity.options

export const resultRevoked = (
  of: { result: string; agent: string },
  part: Partial<EventData<'credence.attestation.result.revoked.v1'>> = {},
): Fact => ({
  type: 'credence.attestation.result.revoked.v1',
  data: {
    result: of.result,
    agent: of.agent,
    cause: 'reference_withdrawn',
    because: 'ref_1',
    consequence: 'quarantine',
    reason: 'test',
    ...part,
  },
})
export const referenceWithdrawn = (reference: string): Fact => ({
  type: 'credence.attestation.reference.withdrawn.v1',
  data: { reference, reason: 'test' },
})
export const anchorWithdrawn = (anchor: string): Fact => ({
  type: 'credence.attestation.anchor.withdrawn.v1',
  data: { anchor, reason: 'test' },
})
export const measurement = (change: 'blocked' | 'unblocked', digest: string): Fact => ({
  type: `credence.attestation.measurement.${change}.v1`,
  data: { digest, reason: 'test' },
})

export const created = (data: EventData<'credence.identity.blueprint.created.v1'>): Fact => ({
  type: 'credence.identity.blueprint.created.v1',
  data,
})
export const registered = (data: EventData<'credence.identity.agent.registered.v1'>): Fact => ({
  type: 'credence.identity.agent.registered.v1',
  data,
})
export const activated = (id: string, until: string, result: string = newId('att')): Fact => ({
  type: 'credence.identity.agent.activated.v1',
  data: { agent: id, result, result_expires_at: until },
})
export const agentRevoked = (id: string): Fact => ({
  type: 'credence.identity.agent.revoked.v1',
  data: { agent: id, reason: 'test' },
})
export const granted = (data: EventData<'credence.identity.delegation.granted.v1'>): Fact => ({
  type: 'credence.identity.delegation.granted.v1',
  data,
})
export const delegationRevoked = (id: string): Fact => ({
  type: 'credence.identity.delegation.revoked.v1',
  data: { delegation: id, reason: 'test' },
})
export const recorded = (data: EventData<'credence.attestation.result.recorded.v1'>): Fact => ({
  type: 'credence.attestation.result.recorded.v1',
  data,
})

/** Any other fact. */
export const fact = <T extends EventType>(type: T, data: EventData<T>): Fact => ({ type, data }) as Fact
export const recognised = (human: string): Fact => fact('credence.identity.human.recognised.v1', { human })
