/** What the handlers of this service work with. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AuthorizationDetail, DroppedAuthority } from '@credence/contracts/authority'
import type { Trigger } from '@credence/contracts/events/values'
import type { Actor } from '@credence/contracts/principals/actor'
import type { Agent } from '@credence/contracts/principals/agent'
import type { Delegation } from '@credence/contracts/principals/delegation'
import type { Clock } from '@credence/shared/clock'
import type { Writer } from '@credence/shared/event-store/aggregates'
import type { Barrier } from '@credence/shared/event-store/barrier'
import type { Follower } from '@credence/shared/event-store/follow'
import type { JWK, JWTPayload, JWTVerifyGetKey } from 'jose'
import type { Binding } from '../domain/binding.ts'
import type { Grant } from '../domain/exchange.ts'
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
  interactions: Interactions
  replay: Replay
  /** What was acknowledged before a command came counts in it, on any replica. */
  barrier: Barrier
}

/** The erasable directory of people. */
export type Directory = {
  /** The pseudonym of a verified (issuer, subject), made on first sight; the same for every replica. */
  resolve(issuer: string, subject: string, displayName: string): Promise<string>
  /** The pseudonym, if there is one already. */
  find(issuer: string, subject: string): Promise<string | undefined>
  /** Empty when unknown or forgotten. */
  nameOf(human: string): Promise<string>
  /** The same as `resolve`, and the name is what the company says now. */
  place(issuer: string, subject: string, displayName: string): Promise<string>
  /** Erases who it is. Whoever signs in as that person later is somebody new. */
  forget(human: string): Promise<void>
}

export type DelegationClaims = {
  delegation: string
  human: string
  mayAct: { iss: string; sub: string }
  /** As it was signed; nothing is checked in it yet. */
  act: unknown
  /** What it is bound to, when it is. */
  binding: Binding | undefined
  expiresAt: Date
  payload: JWTPayload
}

/** Subject tokens of the exchange. */
export type DelegationTokens = {
  issue(delegation: Delegation): Promise<string>
  /** @throws when signature, type, issuer, audience, time or form does not fit */
  verify(token: string, now: Date): Promise<DelegationClaims>
}

export type TokenToIssue = {
  id: string
  agent: Agent
  audience: string
  binding: Binding
  expiresAt: Date
  /** On whose authority, and for what; absent when the agent only says who it is. */
  delegated?: {
    human: string
    act: Actor
    delegation: string
    grant: string
    task: string
    authorizationDetails: AuthorizationDetail[]
    /** The access token that it is exchanged for. */
    subjectToken?: string | undefined
  }
}

export type AccessClaims = {
  /** Its `jti`. */
  token: string
  subject: string
  audience: string
  client: string
  agent: string
  binding: Binding
  expiresAt: Date
  /** `act` as it was signed; nothing is checked in it yet. */
  delegated:
    | { act: unknown; delegation: string; grant: string; task: string; authorizationDetails: AuthorizationDetail[] }
    | undefined
  payload: JWTPayload
}

/** Access tokens that this server signs. */
export type AccessTokens = {
  issue(token: TokenToIssue, now: Date): Promise<string>
  /** For whatever audience. @throws when signature, type, issuer, time or form does not fit */
  verify(token: string, now: Date): Promise<AccessClaims>
}

/** People, by the access tokens of the enterprise's identity providers. */
export type People = {
  issuers: readonly string[]
  /**
   * The pseudonym of whom the token is about; undefined when they are not known here.
   * @throws CredenceError `unauthenticated`, or `unavailable` when the provider does not answer
   */
  verify(token: string): Promise<string | undefined>
}

export type TaskToOpen = {
  agent: string
  delegation: string
  trigger: Trigger
  purpose: string
  authorizationDetails: AuthorizationDetail[]
  lifetimeSeconds: number
}

/** The policy service, as a token request without a grant needs it. */
export type Tasks = {
  /** @throws CredenceError with the status and reason of the policy service */
  open(task: TaskToOpen): Promise<{ grant: Grant; dropped: DroppedAuthority[] }>
}

/** Single use of assertions and proofs, for all replicas. */
export type Replay = {
  /** True the first time, for longer than any proof lives. @throws CredenceError `unavailable` */
  first(space: 'assertion' | 'dpop' | 'key-proof', owner: string, jti: string): Promise<boolean>
}

/** What the authorization server keeps between two requests, for all replicas. All throw CredenceError `unavailable`. */
export type OAuthStore = {
  put(model: string, id: string, value: object): Promise<void>
  get(model: string, id: string): Promise<Record<string, unknown> | undefined>
  /** Marks what is kept as used. @returns true for the one who did it, false when it was used before or is not there */
  consume(model: string, id: string): Promise<boolean>
  /** @returns true for the first who asks for this name, until it is removed */
  claim(model: string, id: string): Promise<boolean>
  remove(model: string, id: string): Promise<void>
}

/** What an agent asks a person for at the authorization endpoint. Its purpose is what the agent says, not what we know. */
export type DelegationAsked = {
  uid: string
  agent: Agent
  authorizationDetails: AuthorizationDetail[]
  purpose: string
  lifetimeSeconds: number
  maximumDepth: number
  /** Where the browser goes with the answer; its host is to be shown. */
  redirectUri: string
}

/**
 * The page at `/interaction/:uid` as the authorization server sees it. Each takes the request of the browser that was
 * sent there: its cookie has to fit the interaction. @throws CredenceError `not_found` when it does not, or is over
 */
export type Interactions = {
  details(request: IncomingMessage, response: ServerResponse): Promise<DelegationAsked>
  /**
   * The person agrees: `delegate` grants the delegation and returns its id; of two answers only the first gets there.
   * @returns the URL to send the browser to (303)
   * @throws CredenceError `failed_precondition` when it was answered before
   */
  approve(
    request: IncomingMessage,
    response: ServerResponse,
    answer: { human: string; delegate: () => Promise<string> },
  ): Promise<string>
  /**
   * The person does not agree. @returns the URL to send the browser to (303)
   * @param answer.reported they did not expect it, and say so: for the record
   */
  decline(request: IncomingMessage, response: ServerResponse, answer?: { reported: boolean }): Promise<string>
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
