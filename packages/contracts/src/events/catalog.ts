/** Every event there is, by its `ce-type`. */
import type { z } from 'zod'
import { attestationEvents } from './attestation.ts'
import { effectEvents } from './audit.ts'
import { decisionEvents } from './decisions.ts'
import { identityEvents } from './identity.ts'
import { policyEvents } from './policy.ts'

export const catalog = {
  ...identityEvents,
  ...policyEvents,
  ...decisionEvents,
  ...attestationEvents,
  ...effectEvents,
} as const

export type EventType = keyof typeof catalog
export type EventData<T extends EventType> = z.infer<(typeof catalog)[T]>

/** One fact: a type from the catalog and its data. */
export type Fact<T extends EventType = EventType> = { [K in T]: { type: K; data: EventData<K> } }[T]

export type FactsOf<Catalog> = Fact<Extract<keyof Catalog, EventType>>
export type IdentityFact = FactsOf<typeof identityEvents>
export type PolicyFact = FactsOf<typeof policyEvents>
export type DecisionFact = FactsOf<typeof decisionEvents>
export type AttestationFact = FactsOf<typeof attestationEvents>
export type EffectFact = FactsOf<typeof effectEvents>

/**
 * Lifts facts of old versions to the newest: old type → function from old data to the fact that replaces it. A schema
 * that went out is never edited; its successor gets a new version and an entry here.
 */
export const upcasters: Record<string, (data: unknown) => { type: EventType; data: unknown }> = {}
