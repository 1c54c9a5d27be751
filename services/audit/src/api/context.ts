/** What the handlers of this service work with. */
import type { Bus } from '@credence/shared/bus/connect'
import type { Clock } from '@credence/shared/clock'
import type { IndexStore } from '../projections/index-store.ts'
import type { Indexer } from '../projections/indexer.ts'
import type { Log } from '../projections/log.ts'

export type Context = { spiffeId: string; bus: Bus; clock: Clock; tree: Log; index: IndexStore; indexer: Indexer }
