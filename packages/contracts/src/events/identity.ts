/** Events of the IDENTITY stream. */
import { z } from 'zod'
import { AuthorizationDetails } from '../authority.ts'
import { AgentId, DelegationId, GrantId, HumanId, Instant, Model, Prose, ResultId, Sha256, Slug } from './values.ts'

/** A public JWK (RFC 7517), P-256 or Ed25519; a private member is refused by the closed schema. */
export const PublicJwk = z.discriminatedUnion('kty', [
  z.strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string().max(64), y: z.string().max(64) }),
  z.strictObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string().max(64) }),
])
export type PublicJwk = z.infer<typeof PublicJwk>

export const identityEvents = {
  'credence.identity.human.recognised.v1': z.strictObject({ human: HumanId }),
  'credence.identity.blueprint.created.v1': z.strictObject({
    blueprint: Slug,
    purpose: Prose,
    sponsor: HumanId,
    owner: HumanId,
    ceiling: AuthorizationDetails,
    allowed_models: z.array(z.strictObject({ provider: z.string(), name: z.string() })),
    maximum_lifetime_seconds: z.int().positive(),
    maximum_spawn_depth: z.int().nonnegative(),
  }),
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
    expires_at: Instant,
  }),
  'credence.identity.agent.activated.v1': z.strictObject({
    agent: AgentId,
    result: ResultId,
    result_expires_at: Instant,
  }),
  'credence.identity.agent.revoked.v1': z.strictObject({ agent: AgentId, reason: Prose }),
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
  }),
  'credence.identity.delegation.revoked.v1': z.strictObject({ delegation: DelegationId, reason: Prose }),
  'credence.identity.token.issued.v1': z.strictObject({
    agent: AgentId,
    token: z.string(),
    grant: GrantId,
    delegation: DelegationId,
    audience: z.string(),
    authorization_details: AuthorizationDetails,
    key_thumbprint: z.string(),
    expires_at: Instant,
  }),
  'credence.identity.token.refused.v1': z.strictObject({
    agent: AgentId,
    audience: z.string().optional(),
    grant: GrantId.optional(),
    error: z.string(),
    reason: z.string(),
  }),
} as const
