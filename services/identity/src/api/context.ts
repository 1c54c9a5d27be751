/** What the handlers of this service work with. */
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { Follower } from '@credence/shared/event-store/follow'
import type { Directory } from '../adapters/directory/directory.ts'
import type { DelegationTokens } from '../adapters/oauth/delegation-token.ts'
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
