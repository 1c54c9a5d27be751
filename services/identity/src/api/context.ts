/** What the handlers of this service work with. */

import type { Delegation } from '@credence/contracts/principals/delegation'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { Follower } from '@credence/shared/event-store/follow'
import type { Principals } from '../projections/principals.ts'

export type Context = {
  trustDomain: string
  principals: Principals
  writer: Writer
  followers: readonly Follower[]
  clock: Clock
  directory: Directory
  delegationTokens: DelegationTokens
}

/** The erasable directory of people. */
export type Directory = {
  /** The pseudonym of a verified (issuer, subject), made on first sight; the same for every replica. */
  resolve(issuer: string, subject: string, displayName: string): Promise<string>
  /** Empty when unknown or forgotten. */
  nameOf(human: string): Promise<string>
}

/** An actor, as (namespace, name): draft-mcguinness-oauth-actor-profile, "Actor Object Structure". */
export type Actor = { iss: string; sub: string; sub_profile?: string; act?: Actor }

export type DelegationClaims = { delegation: string; human: string; mayAct: { iss: string; sub: string }; act?: Actor }

/** Subject tokens of the exchange. */
export type DelegationTokens = {
  issue(delegation: Delegation): Promise<string>
  /** @throws when signature, type, issuer, audience, time or form does not fit */
  verify(token: string, now: Date): Promise<DelegationClaims>
}

/** Single use of assertions and proofs, for all replicas. */
export type Replay = {
  /** True the first time, for longer than any proof lives. @throws CredenceError `unavailable` */
  first(space: 'assertion' | 'dpop', owner: string, jti: string): Promise<boolean>
}
