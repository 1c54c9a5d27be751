/** What the grants of the token endpoint share: their parts, the words of RFC 8693, and who asks. */
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { Barrier } from '@credence/shared/event-store/barrier'
import type { Follower } from '@credence/shared/event-store/follow'
import type { Log } from '@credence/shared/log'
import type { RevokedTokens } from '@credence/shared/revoked-tokens'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Actors } from '../../projections/actors.ts'
import type { Grants } from '../../projections/grants.ts'
import type { Principals } from '../../projections/principals.ts'
import type { AccessTokens, DelegationTokens, Keys, People, Replay, Tasks } from '../context.ts'
import type { Refusals } from './refusals.ts'

export type TokenParts = {
  issuer: string
  spiffeId: string
  keys: Keys
  principals: Principals
  actors: Actors
  grants: Grants
  revokedTokens: RevokedTokens
  followers: readonly Follower[]
  /** What was acknowledged before the request counts: no token for what has just ended, on any replica. */
  barrier: Barrier
  writer: Writer
  replay: Replay
  refusals: Refusals
  delegationTokens: DelegationTokens
  accessTokens: AccessTokens
  people: People
  tasks: Tasks
  clock: Clock
  log: Log
}

/** RFC 8693 §3 */
export const TOKEN_TYPE = {
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
  access: 'urn:ietf:params:oauth:token-type:access_token',
} as const

/** Parameters of client authentication, and those that every grant has. */
export const COMMON = ['grant_type', 'client_id', 'client_assertion', 'client_assertion_type']

/** SPIFFE ID of the authenticated client. */
export const clientOf = (ctx: KoaContextWithOIDC): string => ctx.oidc.client?.clientId ?? ''

/** All at once; when several fail, the first in this order is the one that is told. */
export async function together<T extends readonly unknown[]>(
  work: readonly [...{ [K in keyof T]: Promise<T[K]> }],
): Promise<T> {
  const settled: PromiseSettledResult<unknown>[] = await Promise.allSettled(work)
  const failed = settled.find((one) => one.status === 'rejected')
  if (failed) throw failed.reason
  return settled.map((one) => (one as PromiseFulfilledResult<unknown>).value) as unknown as T
}
