/** What the handlers of this service work with. */

import type { Agent } from '@credence/contracts/principals/agent'
import type { Delegation } from '@credence/contracts/principals/delegation'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { Follower } from '@credence/shared/event-store/follow'
import type { JWK, JWTVerifyGetKey } from 'jose'
import type { Principals } from '../projections/principals.ts'

export type Context = {
  trustDomain: string
  principals: Principals
  writer: Writer
  followers: readonly Follower[]
  clock: Clock
  directory: Directory
  delegationTokens: DelegationTokens
  keys: Keys
}

/** The erasable directory of people. */
export type Directory = {
  /** The pseudonym of a verified (issuer, subject), made on first sight; the same for every replica. */
  resolve(issuer: string, subject: string, displayName: string): Promise<string>
  /** Empty when unknown or forgotten. */
  nameOf(human: string): Promise<string>
}

/** An actor, as (namespace, name): draft-mcguinness-oauth-actor-profile, "Actor Object Structure". */
export type Actor = { iss: string; sub: string; sub_profile?: string; act?: Actor }

export type DelegationClaims = { delegation: string; human: string; mayAct: { iss: string; sub: string }; act?: Actor }

/** Subject tokens of the exchange. */
export type DelegationTokens = {
  issue(delegation: Delegation): Promise<string>
  /** @throws when signature, type, issuer, audience, time or form does not fit */
  verify(token: string, now: Date): Promise<DelegationClaims>
}

/** Single use of assertions and proofs, for all replicas. */
export type Replay = {
  /** True the first time, for longer than any proof lives. @throws CredenceError `unavailable` */
  first(space: 'assertion' | 'dpop', owner: string, jti: string): Promise<boolean>
}

/** What a signing key of this service is for; a key is for one use only. */
export type KeyUse = 'token' | 'jwt-svid' | 'x509-svid'
export type SigningAlgorithm = 'ES256' | 'EdDSA' | 'RS256'
/** A public JWK (RFC 7517) with `kid` and `alg`. */
export type PublishedKey = JWK & { kid: string; alg: SigningAlgorithm }

/** Keys that sign for this service. Private keys never leave the key store behind it. */
export type Keys = {
  /**
   * A compact JWS (RFC 7515) by the key that is current for this use and algorithm (ES256 unless said); sets `alg` and `kid`.
   * `claims.exp` is needed, and may be 30 days away at most (JWT-SVIDs: five minutes): a key goes after what it signed.
   */
  sign(
    use: KeyUse,
    header: { typ: string; alg?: SigningAlgorithm },
    claims: { exp: number; [claim: string]: unknown },
  ): Promise<string>
  /** For jose’s `jwtVerify`: the public key that a header names. @throws when it names none of this use */
  verifier(use: KeyUse): JWTVerifyGetKey
  /** Keys that sign, keys that will, and keys whose signatures may still be about. Those of the CA with `x5c`. */
  published(use: KeyUse): PublishedKey[]
  /** When what is published changed for the last time, in epoch milliseconds; the same on every replica. */
  publishedSince(): number
  /** For how long a new key is published before it signs; who verifies has to look again within this time. */
  leadSeconds: number
  /** The CA that issues X.509-SVIDs now. */
  authority(): Promise<Authority>
}

/** A CA certificate in DER, and its key's signature (ES256: R and S) over bytes. */
export type Authority = { certificate: Uint8Array; sign(bytes: Uint8Array): Promise<Uint8Array> }

type SvidHolder = Pick<Agent, 'agent' | 'spiffe_id' | 'public_jwk'>

/** SPIFFE Verifiable Identity Documents of agents, and the bundle that verifies them. */
export type Svids = {
  /** For the agent's newest key. `chain` is PEM. */
  x509(agent: SvidHolder, until: Date): Promise<{ chain: string; serial: string; expiresAt: Date }>
  jwt(agent: SvidHolder, audience: string, until: Date): Promise<{ token: string; serial: string; expiresAt: Date }>
  /** CA certificates of this trust domain, PEM. */
  authorities(): string
  /** SPIFFE Trust Domain and Bundle §4. */
  bundle(): { trustDomain: string; document: object }
}
