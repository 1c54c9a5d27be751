/** Events of the IDENTITY stream. */
import { z } from 'zod'
import { AuthorizationDetails, DroppedAuthority } from '../authority.ts'
import {
  AgentId,
  DelegationId,
  GrantId,
  HumanId,
  Instant,
  Labels,
  MandateId,
  Model,
  Position,
  Prose,
  RedirectUri,
  RequestId,
  ResultId,
  Sha256,
  Slug,
} from './values.ts'

/** A public JWK (RFC 7517), P-256 or Ed25519; a private member is refused by the closed schema. */
export const PublicJwk = z.discriminatedUnion('kty', [
  z.strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string().max(64), y: z.string().max(64) }),
  z.strictObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string().max(64) }),
])
export type PublicJwk = z.infer<typeof PublicJwk>

/** How and when a person had signed in (OpenID Connect Core 1.0 §2, RFC 9068 §2.2.1: `acr`, `amr`, `auth_time`). */
export const SignIn = z.strictObject({
  acr: z.string().min(1).max(128).optional(),
  amr: z.array(z.string().min(1).max(64)).max(16).optional(),
  at: Instant,
})
export type SignIn = z.infer<typeof SignIn>

/** Why an accepted attestation result counts no more, before its time. */
export const AttestationLoss = z.enum([
  'composition_changed',
  'reference_withdrawn',
  'anchor_withdrawn',
  'measurement_blocked',
  'profile_changed',
  'tpm_removed',
])
export type AttestationLoss = z.infer<typeof AttestationLoss>

export const identityEvents = {
  'credence.identity.human.recognised.v1': z.strictObject({ human: HumanId }),
  /** Where a person stands in the company: what succession needs. */
  'credence.identity.human.placed.v1': z.strictObject({
    human: HumanId,
    manager: HumanId.optional(),
    groups: z.array(z.string().max(128)).max(64),
  }),
  /** A leaver. What they had delegated ends with them; those who return delegate anew. */
  'credence.identity.human.deactivated.v1': z.strictObject({ human: HumanId, reason: Prose, left_at: Instant }),
  'credence.identity.human.reactivated.v1': z.strictObject({ human: HumanId, reason: Prose }),
  /** Who a leaver was stands nowhere any more. */
  'credence.identity.human.forgotten.v1': z.strictObject({ human: HumanId }),
  'credence.identity.blueprint.created.v1': z.strictObject({
    blueprint: Slug,
    purpose: Prose,
    sponsor: HumanId,
    owner: HumanId,
    ceiling: AuthorizationDetails,
    allowed_models: z.array(z.strictObject({ provider: z.string(), name: z.string() })),
    maximum_lifetime_seconds: z.int().positive(),
    maximum_spawn_depth: z.int().nonnegative(),
    /** True: a child lives on when the agent that spawned it has ended. */
    children_survive: z.boolean().optional(),
    /** Whose members may follow a sponsor who left, after the sponsor's manager. */
    successor_group: z.string().max(128).optional(),
    /** Where its agents may send a person who is to delegate (RFC 6749 §3.1.2). */
    redirect_uris: z.array(RedirectUri).max(8).optional(),
  }),
  'credence.identity.blueprint.sponsor_proposed.v1': z.strictObject({ blueprint: Slug, sponsor: HumanId }),
  'credence.identity.blueprint.sponsor_changed.v1': z.strictObject({
    blueprint: Slug,
    sponsor: HumanId,
    previous: HumanId,
    cause: z.enum(['accepted', 'manager', 'group']),
  }),
  'credence.identity.blueprint.owner_changed.v1': z.strictObject({
    blueprint: Slug,
    owner: HumanId,
    previous: HumanId,
    reason: Prose,
  }),
  'credence.identity.blueprint.withdrawn.v1': z.strictObject({ blueprint: Slug, reason: Prose }),
  'credence.identity.blueprint.restored.v1': z.strictObject({ blueprint: Slug, reason: Prose }),
  /** What autonomous agents of a blueprint may do, signed off by its sponsor. */
  'credence.identity.mandate.granted.v1': z.strictObject({
    mandate: MandateId,
    blueprint: Slug,
    human: HumanId,
    authorization_details: AuthorizationDetails,
    purpose: Prose,
    not_before: Instant,
    expires_at: Instant,
    maximum_depth: z.int().nonnegative(),
  }),
  'credence.identity.mandate.revoked.v1': z.strictObject({ mandate: MandateId, reason: Prose }),
  /** A public key belongs to one agent, for ever. The subject is the key's, so that the stream itself is the fence. */
  'credence.identity.key.bound.v1': z.strictObject({ agent: AgentId, key_thumbprint: z.string() }),
  'credence.identity.agent.registered.v1': z.strictObject({
    agent: AgentId,
    spiffe_id: z.string(),
    blueprint: Slug,
    purpose: Prose,
    sponsor: HumanId,
    owner: HumanId,
    kind: z.enum(['ephemeral', 'continuous']),
    autonomy: z.enum(['delegated', 'autonomous']),
    model: Model,
    prompt_digest: Sha256,
    tool_manifest_digest: Sha256,
    public_jwk: PublicJwk,
    key_thumbprint: z.string(),
    parent: AgentId.optional(),
    /** Generations that may still be spawned below it. */
    spawn_depth_left: z.int().nonnegative(),
    survives_parent: z.boolean().optional(),
    labels: Labels.optional(),
    expires_at: Instant,
  }),
  'credence.identity.agent.activated.v1': z.strictObject({
    agent: AgentId,
    result: ResultId,
    result_expires_at: Instant,
    /** Of the key that attested. */
    key_thumbprint: z.string().optional(),
    /** Where the result was recorded: what was recorded before it says nothing of the agent any more. */
    position: Position.optional(),
  }),
  /** What it was active by counts no more, before its time; it is held as well. */
  'credence.identity.agent.attestation_lost.v1': z.strictObject({
    agent: AgentId,
    /** The accepted result that it had. */
    result: ResultId.optional(),
    cause: AttestationLoss,
    position: Position,
  }),
  /** Both can be lifted (restored). Meanwhile it gets and passes on nothing, and what it had passed on does not count. */
  'credence.identity.agent.suspended.v1': z.strictObject({
    agent: AgentId,
    /** The last two are lifted by a newer accepted result, and by nobody. */
    cause: z.enum(['operator', 'no_sponsor', 'attestation_expired', 'attestation_revoked']),
    reason: Prose,
  }),
  'credence.identity.agent.quarantined.v1': z.strictObject({
    agent: AgentId,
    cause: z.enum(['operator', 'key_compromised', ...AttestationLoss.options]),
    reason: Prose,
  }),
  'credence.identity.agent.restored.v1': z.strictObject({ agent: AgentId, reason: Prose }),
  'credence.identity.agent.renewed.v1': z.strictObject({ agent: AgentId, expires_at: Instant }),
  'credence.identity.agent.owner_changed.v1': z.strictObject({
    agent: AgentId,
    owner: HumanId,
    previous: HumanId,
    reason: Prose,
  }),
  'credence.identity.agent.key_rotated.v1': z.strictObject({
    agent: AgentId,
    public_jwk: PublicJwk,
    key_thumbprint: z.string(),
    previous: z.string(),
    previous_ends_at: Instant,
  }),
  'credence.identity.agent.key_withdrawn.v1': z.strictObject({
    agent: AgentId,
    key_thumbprint: z.string(),
    reason: Prose,
  }),
  /** The three ends. */
  'credence.identity.agent.revoked.v1': z.strictObject({ agent: AgentId, reason: Prose }),
  'credence.identity.agent.retired.v1': z.strictObject({ agent: AgentId, reason: Prose }),
  'credence.identity.agent.expired.v1': z.strictObject({ agent: AgentId }),
  /** A SPIFFE Verifiable Identity Document was handed out. */
  'credence.identity.svid.issued.v1': z.strictObject({
    agent: AgentId,
    kind: z.enum(['x509', 'jwt']),
    /** Serial number, or `jti`. */
    serial: z.string(),
    audience: z.string().optional(),
    expires_at: Instant,
  }),
  /** A key of this service's own was made; the one before it signs until `not_before`. */
  'credence.identity.signing_key.rotated.v1': z.strictObject({
    /** Thumbprint of the public key (RFC 7638). */
    kid: z.string(),
    use: z.enum(['token', 'jwt-svid', 'x509-svid']),
    algorithm: z.enum(['ES256', 'EdDSA', 'RS256']),
    not_before: Instant,
  }),
  'credence.identity.delegation.granted.v1': z.strictObject({
    delegation: DelegationId,
    human: HumanId,
    agent: AgentId,
    authorization_details: AuthorizationDetails,
    purpose: Prose,
    not_before: Instant,
    expires_at: Instant,
    maximum_depth: z.int().nonnegative(),
    parent: DelegationId.optional(),
    /** At the root of an autonomous agent's delegation; `human` is the sponsor who signed it off. */
    mandate: MandateId.optional(),
    /** How often the human had left before: what they gave in an earlier stay does not come back with them. */
    stay: z.int().positive().optional(),
    /** What was asked for and not given. */
    dropped: z.array(DroppedAuthority).optional(),
    /** The request that it answers. */
    request: RequestId.optional(),
    /** How the human had signed in as they gave it; absent where their identity provider does not say when. */
    sign_in: SignIn.optional(),
  }),
  'credence.identity.delegation.revoked.v1': z.strictObject({ delegation: DelegationId, reason: Prose }),
  /** An agent asks a person for authority. What it says about it is kept apart, and forgotten; its digest stands here. */
  'credence.identity.request.made.v1': z.strictObject({
    request: RequestId,
    agent: AgentId,
    authorization_details: AuthorizationDetails,
    lifetime_seconds: z.int().positive(),
    maximum_depth: z.int().nonnegative(),
    /** The one person it is for; absent: whoever is shown the code. */
    human: HumanId.optional(),
    statement_digest: Sha256,
    /** Only its digest: who reads the record cannot answer the request. */
    code_digest: Sha256,
    expires_at: Instant,
  }),
  'credence.identity.request.approved.v1': z.strictObject({
    request: RequestId,
    human: HumanId,
    delegation: DelegationId,
  }),
  'credence.identity.request.declined.v1': z.strictObject({
    request: RequestId,
    human: HumanId,
    /** The person did not expect it, and says so. */
    reported: z.boolean(),
  }),
  /** A delegation token was handed out at the authorization code grant. */
  'credence.identity.delegation.collected.v1': z.strictObject({
    delegation: DelegationId,
    agent: AgentId,
    key_thumbprint: z.string().optional(),
    expires_at: Instant,
  }),
  'credence.identity.token.issued.v1': z.strictObject({
    agent: AgentId,
    token: z.string(),
    grant: GrantId,
    delegation: DelegationId,
    audience: z.string(),
    authorization_details: AuthorizationDetails,
    key_thumbprint: z.string(),
    expires_at: Instant,
    /** The access token that it was exchanged for: it ends with that one. */
    subject_token: z.string().optional(),
  }),
  /** A token that says who the agent is, for this server only: no authority stands in it. */
  'credence.identity.token.issued_to_self.v1': z.strictObject({
    agent: AgentId,
    token: z.string(),
    key_thumbprint: z.string(),
    expires_at: Instant,
  }),
  'credence.identity.token.revoked.v1': z.strictObject({ agent: AgentId, token: z.string(), expires_at: Instant }),
  /** Refused before it was known which agent asked. The same again within ten seconds is counted, not repeated. */
  'credence.identity.client.refused.v1': z.strictObject({
    client: z.string().max(256),
    error: z.string(),
    reason: z.string(),
    count: z.int().positive(),
  }),
  'credence.identity.token.refused.v1': z.strictObject({
    agent: AgentId,
    audience: z.string().optional(),
    grant: GrantId.optional(),
    error: z.string(),
    reason: z.string(),
  }),
} as const
