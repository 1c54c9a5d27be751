/** How a kind of evidence is appraised, once its claims are proved. */
import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import type { EvidenceKind } from '@credence/contracts/attestation/kinds'
import type { RequirementOf } from '@credence/contracts/attestation/requirements'
import type { Reference } from '@credence/contracts/attestation/trust'
import type { EventData } from '@credence/contracts/events/catalog'
import type { Composition } from '@credence/contracts/events/values'
import type { Agent } from '@credence/contracts/principals/agent'
import type { TrustVector } from '../ar4si.ts'

export type Result = EventData<'credence.attestation.result.recorded.v1'>
export type AllClaims = { [K in EvidenceKind]?: ClaimsOf<K> }

/** What claims are held against. */
export type About = {
  agent: Agent
  /** Those that live, of the agent’s blueprint. */
  references: readonly Reference[]
  /** Types of values of which the blueprint has a list, though all that stood on it were withdrawn. */
  lists: ReadonlySet<Reference['value']['type']>
  /** What the agent says it is made of. */
  statement: Composition
  /** Claims of all pieces, for what must agree between them. */
  claims: AllClaims
  /** The agent’s newest accepted result; with its last quote, when that was shown before. */
  previous: Result | undefined
  /** Kinds that the profile asks for. */
  asked: ReadonlySet<EvidenceKind>
  now: Date
}

export type Finding = {
  vector: TrustVector
  /** Codes: each makes the piece contraindicated. */
  faults: string[]
  /** Codes of what is worth saying, and harms nothing. */
  notes: string[]
  /** Ids of the reference values that it rests on. */
  references: string[]
  /** Every digest in it that could be blocked. */
  digests: string[]
}

export type KindAppraiser<K extends EvidenceKind> = {
  kind: K
  appraise(claims: ClaimsOf<K>, about: About): Finding
  /** Codes of the parameters of a requirement that the claims do not meet. */
  unmet(claims: ClaimsOf<K>, requirement: RequirementOf<K>): string[]
  /** One sentence for every code that verifier and appraiser of this kind give. */
  reasons: Record<string, string>
}
