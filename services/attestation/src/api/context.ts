/** What the handlers of this service work with. */

import type { PublicJwk } from '@credence/contracts/events/identity'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { Follower } from '@credence/shared/event-store/follow'
import type { Principals } from '@credence/shared/principals'
import type { Appraisal, Verified } from '../domain/appraisal.ts'
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

export type Evidenced = {
  agent: { spiffeId: string; jwk: PublicJwk; keyThumbprint: string }
  /** SHA-256 of the nonce of the challenge, hexadecimal. */
  nonceDigest: string
  audience: string
  now: Date
}

/**
 * One kind of evidence, one folder in adapters/verifiers, one function.
 * @throws CredenceError `invalid_argument` naming `evidence` when it is not even of this form; the challenge stays unused
 */
export type Verifier = (evidence: string, context: Evidenced) => Promise<Verified>

export type EarParts = {
  appraisal: Appraisal
  spiffeId: string
  keyThumbprint: string
  /** As the evidence carried it, base64url. */
  nonce: string
  /** Ids of profile version and reference value. */
  policyIds: string[]
  now: Date
  expiresAt: Date
}

/** Makes an attestation result (EAR) as a signed JWT. */
export type IssueEar = (parts: EarParts) => Promise<string>
