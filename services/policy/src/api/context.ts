/** What the handlers of this service work with. */

import type { DecisionFact } from '@credence/contracts/events/catalog'
import type { LoadedPolicies } from '@credence/policies/policies'
import type { Bus } from '@credence/shared/bus/connect'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { Barrier } from '@credence/shared/event-store/barrier'
import type { Follower } from '@credence/shared/event-store/follow'
import type { Recorder } from '@credence/shared/event-store/recorder'
import type { Situation } from '../domain/situation.ts'
import type { Snapshots } from '../projections/snapshots.ts'
import type { World } from '../projections/world.ts'
import type { Acts } from './acts.ts'
import type { Watches } from './watches.ts'

export type Policies = {
  /** Undefined while none are active, or the active ones are being loaded. */
  live(): LoadedPolicies | undefined
  /** Versions that are decided and recorded beside it, and not enforced. */
  reporting(): readonly LoadedPolicies[]
  /** Any version that is kept. @throws CredenceError `not_found` */
  byVersion(version: string): Promise<LoadedPolicies>
}

export type Receipts = {
  /** @returns compact JWS */
  sign(decision: DecisionFact['data'], position: string, now: Date): Promise<string>
}

export type Context = {
  spiffeId: string
  bus: Bus
  world: World
  policies: Policies
  writer: Writer
  /** Of DECISIONS. */
  recorder: Recorder
  followers: readonly Follower[]
  /** Passed before every decision: what was acknowledged until then is seen. */
  barrier: Barrier
  clock: Clock
  acts: Acts
  snapshots: Snapshots
  /** A snapshot by its digest; undefined when there is none. */
  readSnapshot(digest: string): Promise<Situation | undefined>
  receipts: Receipts
  watches: Watches
}
