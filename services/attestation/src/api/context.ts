/** What the handlers of this service work with. */
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { Follower } from '@credence/shared/event-store/follow'
import type { Principals } from '@credence/shared/principals'
import type { IssueEar } from '../adapters/results/ear.ts'
import type { Verifier } from '../adapters/verifiers/verifier.ts'
import type { Appraisals } from '../projections/appraisals.ts'

export type Context = {
  /** SPIFFE ID of this service: what evidence must name as its audience. */
  spiffeId: string
  principals: Principals
  appraisals: Appraisals
  writer: Writer
  followers: readonly Follower[]
  clock: Clock
  verifySoftware: Verifier
  issueEar: IssueEar
  /** Random bytes, base64url. */
  newNonce: () => string
}
