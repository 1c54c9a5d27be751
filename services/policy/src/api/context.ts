/** What the handlers of this service work with. */
import type { Bus } from '@credence/shared/bus/connect'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { Barrier } from '@credence/shared/event-store/barrier'
import type { Follower } from '@credence/shared/event-store/follow'
import type { PolicySet } from '../domain/policyset.ts'
import type { World } from '../projections/world.ts'
import type { PolicyLoader } from '../reactions/policies.ts'

export type Context = {
  spiffeId: string
  bus: Bus
  world: World
  policies: PolicyLoader
  /** Checks policy text. @throws CredenceError `invalid_argument` naming `cedar` */
  checkPolicies(text: string): Promise<PolicySet>
  writer: Writer
  followers: readonly Follower[]
  /** Passed before every decision: what was acknowledged until then is seen. */
  barrier: Barrier
  clock: Clock
}
