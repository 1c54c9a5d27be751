/**
 * A client is an agent that lives and is active; its name is its SPIFFE ID. It has no secret. It may authenticate in
 * several ways, of which one request uses one: what the request carries decides which of them the engine checks.
 */
import { hasEnded, livingKeys } from '@credence/contracts/principals/agent'
import { algorithmOf } from '@credence/shared/callers/agent-proof'
import type { Clock } from '@credence/shared/clock'
import { type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Principals } from '../../projections/principals.ts'
import { provedClient } from './client-authentication.ts'

export type ClientParts = {
  principals: Principals
  clock: Clock
  /** What is served at the token endpoint. */
  grantTypes: ReadonlySet<string>
}

/** Client metadata (RFC 7591 §2) of an active agent; undefined when there is none of this name. */
export function clientOf({ principals, clock, grantTypes }: ClientParts, id: string): object | undefined {
  const now = clock()
  const agent = principals.bySpiffeId(id)
  if (agent?.state !== 'active' || hasEnded(agent) || principals.agentEnd(agent.agent, now)) return undefined
  const keys = livingKeys(agent, now)
  const algorithms = new Set(keys.map(({ jwk }) => algorithmOf(jwk)))
  const method = methodOf((Provider as unknown as { ctx?: KoaContextWithOIDC }).ctx)
  // Whom a person delegates to is sent back where its blueprint says; nobody delegates to an autonomous agent.
  const uris = agent.autonomy === 'delegated' ? (principals.blueprint(agent.blueprint)?.redirect_uris ?? []) : []
  return {
    client_id: id,
    token_endpoint_auth_method: method,
    ...(method === 'private_key_jwt' && algorithms.size === 1
      ? { token_endpoint_auth_signing_alg: [...algorithms][0] }
      : {}),
    ...(method === 'tls_client_auth' ? { tls_client_auth_san_uri: id } : {}),
    jwks: { keys: keys.map(({ jwk }) => jwk) },
    grant_types: [...grantTypes].filter((grant) => grant !== 'authorization_code' || uris.length > 0),
    response_types: uris.length > 0 ? ['code'] : [],
    response_modes: ['query'],
    redirect_uris: uris,
  }
}

type Method = 'private_key_jwt' | 'tls_client_auth' | 'attest_jwt_client_auth' | 'attest_jwt_client_auth_dpop'

function methodOf(ctx: KoaContextWithOIDC | undefined): Method {
  if (!ctx?.oidc?.params || ctx.oidc.params.client_assertion !== undefined) return 'private_key_jwt'
  if (ctx.headers['oauth-client-attestation'] !== undefined) {
    const combined = ctx.headers['oauth-client-attestation-pop'] === undefined && ctx.headers.dpop !== undefined
    return combined ? 'attest_jwt_client_auth_dpop' : 'attest_jwt_client_auth'
  }
  return provedClient(ctx.req) ? 'tls_client_auth' : 'private_key_jwt'
}
