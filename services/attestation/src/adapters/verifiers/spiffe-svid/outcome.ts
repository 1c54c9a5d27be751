import type { ClaimsOf } from '@credence/contracts/attestation/claims'

export type SvidClaims = { claims: ClaimsOf<'spiffe-svid'>; measuredAt: Date }
/** A stable code, and for operators the reason behind it. */
export type Refused = { refused: string; detail?: string }
