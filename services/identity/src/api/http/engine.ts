/**
 * The OAuth authorization server: oidc-provider authenticates the client (private_key_jwt with the agent's registered
 * key), validates the DPoP proof and serves metadata and keys; the token exchange is ours (grant.ts). Its known defects
 * are closed here: replay that is not atomic, audiences and proof URLs that follow the Host header, audience arrays.
 */

import { generateKeyPairSync } from 'node:crypto'
import { algorithmOf } from '@credence/shared/callers/agent-proof'
import type { Clock } from '@credence/shared/clock'
import { type Log, messageOf } from '@credence/shared/log'
import type { JWK } from 'jose'
import { errors, Provider } from 'oidc-provider'
import type { Principals } from '../../projections/principals.ts'
import type { Replay } from '../context.ts'

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const MAX_ASSERTION_SECONDS = 300
const SKEW_SECONDS = 15

export type EngineParts = {
  issuer: string
  principals: Principals
  replay: Replay
  clock: Clock
  log: Log
}

export function createEngine(parts: EngineParts): Provider {
  const provider = new Provider(parts.issuer, {
    adapter: adapterOf(parts),
    jwks: {
      keys: [
        // The engine wants a key of its own. It signs nothing that leaves: our tokens are signed by our keys (keys.ts).
        { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }), use: 'sig' } as JWK,
      ],
    },
    clientAuthMethods: ['private_key_jwt'],
    enabledJWA: {
      clientAuthSigningAlgValues: ['ES256', 'EdDSA'],
      dPoPSigningAlgValues: ['ES256', 'EdDSA'],
      idTokenSigningAlgValues: ['ES256'],
    },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    responseTypes: ['code'],
    scopes: [],
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: { enabled: false },
      dPoP: { enabled: true, allowReplay: true },
    },
    discovery: {
      authorization_details_types_supported: ['agent_permission'],
      actor_profile_token_exchange: {
        subject_token_types_supported: ['urn:ietf:params:oauth:token-type:jwt'],
        actor_token_types_supported: [],
        requested_token_types_supported: ['urn:ietf:params:oauth:token-type:access_token'],
      },
      entity_profiles_supported: { client: ['ai_agent'], subject: ['user'], actor: ['ai_agent'] },
    },
    assertJwtClientAuthClaimsAndHeader: (_ctx: unknown, claims: Record<string, unknown>) => {
      const now = Math.floor(parts.clock().getTime() / 1000)
      if (claims.aud !== parts.issuer) throw new errors.InvalidClientAuth('aud must be the issuer, as one string')
      if (claims.sub !== claims.iss) throw new errors.InvalidClientAuth('sub must be the client')
      if (Number(claims.exp) > now + MAX_ASSERTION_SECONDS + SKEW_SECONDS)
        throw new errors.InvalidClientAuth('exp is too far away')
    },
  } as ConstructorParameters<typeof Provider>[1])

  const context = (provider as unknown as { OIDCContext: { prototype: Record<string, unknown> } }).OIDCContext.prototype
  context.clientJwtAuthExpectedAudience = () => new Set([parts.issuer])
  context.urlFor = (name: string, options?: object) => provider.urlFor(name, options as never)
  const detection = provider.ReplayDetection as unknown as { unique: (owner: string, jti: string) => Promise<boolean> }
  detection.unique = (owner, jti) => parts.replay.first('assertion', owner, jti)

  provider.on('server_error', (_ctx, error) => parts.log.error('engine failed', { error: messageOf(error) }))
  provider.use(async (ctx, next) => {
    await next()
    if (ctx.oidc?.route === 'discovery') ctx.body = truthful(ctx.body as Record<string, unknown>)
  })
  return provider
}

/** Metadata (RFC 8414) of what is served, and no more. */
function truthful(metadata: Record<string, unknown>): Record<string, unknown> {
  const { authorization_endpoint, scopes_supported, claims_supported, ...rest } = metadata
  return {
    ...rest,
    grant_types_supported: [TOKEN_EXCHANGE],
    response_types_supported: [],
    response_modes_supported: undefined,
    code_challenge_methods_supported: undefined,
    authorization_response_iss_parameter_supported: undefined,
  }
}

/** The engine's storage. Only clients are ever looked up: they are the agents that live and are active. */
const adapterOf =
  ({ principals, clock }: EngineParts) =>
  (model: string) => ({
    find: async (id: string) => {
      const agent = model === 'Client' ? principals.bySpiffeId(id) : undefined
      if (agent?.state !== 'active' || principals.agentEnd(agent.agent, clock())) return undefined
      return {
        client_id: id,
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: algorithmOf(agent.public_jwk),
        jwks: { keys: [agent.public_jwk] },
        grant_types: [TOKEN_EXCHANGE],
        response_types: [],
        redirect_uris: [],
        dpop_bound_access_tokens: true,
      }
    },
    upsert: async () => refuse(model),
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    consume: async () => refuse(model),
    destroy: async () => refuse(model),
    revokeByGrantId: async () => refuse(model),
  })

const refuse = (model: string): never => {
  throw new Error(`the engine stores nothing here, not even ${model}`)
}
