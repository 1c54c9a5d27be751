/** What the handlers of this service work with. */
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { Barrier } from '@credence/shared/event-store/barrier'
import type { Follower } from '@credence/shared/event-store/follow'
import type { Log } from '@credence/shared/log'
import type { Principals } from '@credence/shared/principals'
import type { Appraisal } from '../domain/appraisal.ts'
import type { Appraisers } from '../domain/kinds/kinds.ts'
import type { Appraisals } from '../projections/appraisals.ts'
import type { OpenStatement, Verify } from './verifier.ts'

export type Context = {
  /** SPIFFE ID of this service: what evidence must name as its audience. */
  spiffeId: string
  principals: Principals
  appraisals: Appraisals
  writer: Writer
  barrier: Barrier
  followers: readonly Follower[]
  clock: Clock
  log: Log
  openStatement: OpenStatement
  verify: Verify
  appraisers: Appraisers
  issueEar: IssueEar
  limits: Limits
  /** Random bytes, base64url. */
  newNonce: () => string
}

export type Limits = {
  /** @throws CredenceError `resource_exhausted` when an agent submits too often */
  refuseTooMany(agent: string): Promise<void>
  /**
   * One submission of an agent after the other: whoever sends many keeps itself waiting, and no other agent.
   * @throws CredenceError `resource_exhausted` when too many of its submissions wait already
   */
  oneByOne<T>(agent: string, submit: () => Promise<T>): Promise<T>
}

export type EarParts = {
  appraisal: Appraisal
  spiffeId: string
  keyThumbprint: string
  /** As the evidence carried it, base64url; undefined when that cannot be told. */
  nonce: string | undefined
  /** What it was appraised by: the version of the profile, and reference values. */
  policyIds: string[]
  now: Date
  expiresAt: Date
}

/** Makes an attestation result (EAR) as a signed JWT. */
export type IssueEar = (parts: EarParts) => Promise<string>
