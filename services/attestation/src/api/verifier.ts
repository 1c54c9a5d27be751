/** One kind of evidence, one folder in adapters/verifiers, one function behind this interface. */
import type { ClaimsOf } from '@credence/contracts/attestation/claims'
import type { EvidenceKind } from '@credence/contracts/attestation/kinds'
import type { RequirementOf } from '@credence/contracts/attestation/requirements'
import type { Anchor } from '@credence/contracts/attestation/trust'
import type { EventData } from '@credence/contracts/events/catalog'
import type { PublicJwk } from '@credence/contracts/events/identity'
import type { Composition } from '@credence/contracts/events/values'

/** What evidence has to be bound to, and whose word counts. */
export type Evidenced<K extends EvidenceKind = EvidenceKind> = {
  agent: { agent: string; spiffeId: string; blueprint: string; jwk: PublicJwk; keyThumbprint: string }
  /** As the challenge gave it, base64url. */
  nonce: string
  /** 32 bytes for this kind (`evidenceBinding`): what a producer that signs a nonce has to sign. */
  binding: Uint8Array
  /** SPIFFE ID of this service. */
  audience: string
  now: Date
  /** Those that live, vouch for this kind, and count for this blueprint. */
  anchors: readonly Anchor[]
  /** What the profile asks of this kind. */
  requirements: readonly RequirementOf<K>[]
  /** The one record of the TPM that this agent enrolled; every step reads this one, and none reads a key from the evidence. */
  tpm?: EnrolledTpm | undefined
}

export type EnrolledTpm = EventData<'credence.attestation.tpm.enrolled.v1'>

/** Claims that were proved, or the code of what failed. `detail` is for operators: no contents. */
export type Verified<K extends EvidenceKind> =
  | { claims: ClaimsOf<K>; anchors: string[]; measuredAt: Date }
  | { refused: string; detail?: string }

export type Verifier<K extends EvidenceKind> = {
  kind: K
  maximumBytes: number
  /** Throws nothing on bad input: what is wrong is refused with a code. */
  verify(content: Uint8Array, about: Evidenced<K>): Promise<Verified<K>>
}

/** Kinds whose evidence is a piece of its own; `software` is the statement. */
export type PieceKind = Exclude<EvidenceKind, 'software'>
/** By kind; one that is not there is refused. */
export type Verifiers = { [K in PieceKind]?: Verifier<K> }

/** One piece by the verifier of its kind, within its time; one that breaks or takes too long has refused. */
export type Verify = <K extends PieceKind>(kind: K, content: Uint8Array, about: Evidenced<K>) => Promise<Verified<K>>

/** Pieces in one submission, each of another kind. */
export const MAX_PIECES = 8

/** Whom and what a statement has to name. */
export type Stated = {
  agent: { spiffeId: string; jwk: PublicJwk; keyThumbprint: string }
  /** SHA-256 of the nonce of the challenge, hexadecimal: the nonce itself is known to nobody but who asked for it. */
  nonceDigest: string
  audience: string
  now: Date
}

/** What an agent’s statement says, once it is verified: the nonce, itself, and which pieces it sends along. */
export type Statement = {
  nonce: string
  composition: Composition
  pieces: { kind: PieceKind; digest: string }[]
  measuredAt: Date
}

export type OpenStatement = (statement: string, about: Stated) => Promise<Statement | { refused: string }>
