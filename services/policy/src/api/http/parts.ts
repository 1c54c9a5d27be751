/** What the routes work with. */
import type { Clock } from '@credence/shared/clock'
import type { Ask, Asker } from '../ask.ts'
import type { AccessRequests } from './requests.ts'
import type { Searchable } from './search.ts'

export type Parts = {
  /** Base URL of this decision point (`policy_decision_point`). */
  url: string
  ask: Ask
  searchable: Searchable
  /** Undefined where people cannot be asked. */
  accessRequests: AccessRequests | undefined
  /** Where that is done; undefined likewise. */
  requestEndpoint: string | undefined
  clock: Clock
}

/** One authenticated request. */
export type Call = {
  asker: Asker
  body: Buffer
  requestId: string
  /** Asked for by header. */
  details: boolean
  /** The rest of the path, where a route has one. */
  rest: string
}
