/** What the handlers of this service work with. */

import type { Delegation } from '@credence/contracts/principals/delegation'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { Barrier } from '@credence/shared/event-store/barrier'
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
  replay: Replay
  /** What was acknowledged before a command came counts in it, on any replica. */
  barrier: Barrier
}

/** The erasable directory of people. */
export type Directory = {
  /** The pseudonym of a verified (issuer, subject), made on first sight; the same for every replica. */
  resolve(issuer: string, subject: string, displayName: string): Promise<string>
  /** Empty when unknown or forgotten. */
  nameOf(human: string): Promise<string>
  /** The same as `resolve`, and the name is what the company says now. */
  place(issuer: string, subject: string, displayName: string): Promise<string>
  /** Erases who it is. Whoever signs in as that person later is somebody new. */
  forget(human: string): Promise<void>
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
  first(space: 'assertion' | 'dpop' | 'key-proof', owner: string, jti: string): Promise<boolean>
}

/** What a signing key of this service is for; a key is for one use only. */
export type KeyUse = 'token' | 'jwt-svid' | 'x509-svid'
export type SigningAlgorithm = 'ES256' | 'EdDSA' | 'RS256'
/** A public JWK (RFC 7517) with `kid` and `alg`. */
export type PublishedKey = JWK & { kid: string; alg: SigningAlgorithm }

/** Keys that sign for this service. Private keys never leave the key store behind it. */
export type Keys = {
  /** A compact JWS (RFC 7515) by the key that is current for this use and algorithm (ES256 unless said); sets `alg` and `kid`. */
  sign(use: KeyUse, header: { typ: string; alg?: SigningAlgorithm }, claims: object): Promise<string>
  /** For jose’s `jwtVerify`: the public key that a header names. @throws when it names none of this use */
  verifier(use: KeyUse): JWTVerifyGetKey
  /** Keys that sign, keys that will, and keys whose signatures may still be about. */
  published(use: KeyUse): PublishedKey[]
}
