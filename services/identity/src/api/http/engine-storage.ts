/**
 * The engine's storage. Clients are the agents that live and are active, grants are delegations: both are looked up
 * live, never stored. What the engine keeps between two requests goes to the shared store; everything else is refused.
 */
import { CredenceError } from '@credence/contracts/errors'
import type { Clock } from '@credence/shared/clock'
import type { Barrier } from '@credence/shared/event-store/barrier'
import { errors } from 'oidc-provider'
import type { Principals } from '../../projections/principals.ts'
import type { OAuthStore } from '../context.ts'
import { unavailable } from './refusals.ts'

const KEPT = new Set(['AuthorizationCode', 'Interaction', 'PushedAuthorizationRequest', 'Session'])

export type StorageParts = {
  store: OAuthStore
  principals: Principals
  /** What was acknowledged before the question counts: a delegation that was granted on another replica just now. */
  barrier: Barrier
  clock: Clock
  /** Metadata (RFC 7591 §2) of the client with this name. */
  clientOf: (id: string) => object | undefined
}

type Stored = Record<string, unknown>

/** The adapter of oidc-provider: one object a model. */
export const engineStorage =
  (parts: StorageParts) =>
  (model: string): object => {
    if (model === 'Client') return { ...nothing(model), find: async (id: string) => parts.clientOf(id) }
    if (model === 'Grant') return { ...nothing(model), find: (id: string) => failClosed(() => grantOf(parts, id)) }
    return KEPT.has(model) ? kept(parts.store, model) : nothing(model)
  }

/** A grant of the engine is a delegation; its id is that of the delegation. */
async function grantOf({ principals, barrier, clock }: StorageParts, id: string): Promise<Stored | undefined> {
  await barrier()
  const delegation = principals.delegation(id)
  if (!delegation || principals.delegationEnd(id, clock())) return undefined
  const seconds = (time: string) => Math.floor(new Date(time).getTime() / 1000)
  return {
    kind: 'Grant',
    jti: id,
    accountId: delegation.human,
    clientId: principals.agent(delegation.agent)?.spiffe_id,
    iat: seconds(delegation.not_before),
    exp: seconds(delegation.expires_at),
  }
}

const kept = (store: OAuthStore, model: string) => ({
  ...nothing(model),
  // The id is a secret (a code, a cookie): it is known to who asks for it and stays out of the store.
  upsert: (id: string, { jti: _, ...payload }: Stored) =>
    failClosed(async () => {
      await store.put(model, id, payload)
      if (model === 'Session') await store.put('SessionUid', String(payload.uid), payload)
    }),
  find: (id: string) =>
    failClosed(async () => {
      const found = await store.get(model, id)
      return found && { ...found, jti: id }
    }),
  findByUid: (uid: string) => failClosed(() => store.get('SessionUid', uid)),
  consume: (id: string) =>
    failClosed(async () => {
      if (await store.consume(model, id)) return
      if (model === 'PushedAuthorizationRequest') throw new errors.InvalidRequestUri('request_uri was used before')
      throw new errors.InvalidGrant('used before')
    }),
  destroy: (id: string) => failClosed(() => store.remove(model, id)),
})

const nothing = (model: string) => ({
  find: async () => undefined,
  findByUid: async () => undefined,
  findByUserCode: async () => undefined,
  upsert: async () => refuse(model),
  consume: async () => refuse(model),
  destroy: async () => refuse(model),
  revokeByGrantId: async () => refuse(model),
})

const refuse = (model: string): never => {
  throw new Error(`the engine stores no ${model} here`)
}

async function failClosed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof CredenceError ? unavailable(error) : error
  }
}
