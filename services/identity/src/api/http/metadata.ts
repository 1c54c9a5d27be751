/** Metadata (RFC 8414) of what is served, and no more. */

/** What the engine says of itself that is so here as well. */
const OF_THE_ENGINE = [
  'issuer',
  'authorization_endpoint',
  'pushed_authorization_request_endpoint',
  'require_pushed_authorization_requests',
  'token_endpoint',
  'introspection_endpoint',
  'revocation_endpoint',
  'jwks_uri',
  'code_challenge_methods_supported',
  'authorization_response_iss_parameter_supported',
  'response_types_supported',
  'token_endpoint_auth_signing_alg_values_supported',
  'dpop_signing_alg_values_supported',
  'challenge_endpoint',
  'client_attestation_signing_alg_values_supported',
  'client_attestation_pop_signing_alg_values_supported',
]

export function truthful(
  engine: Record<string, unknown>,
  { grantTypes, authMethods }: { grantTypes: ReadonlySet<string>; authMethods: readonly string[] },
): Record<string, unknown> {
  const kept = OF_THE_ENGINE.flatMap((name) => (engine[name] === undefined ? [] : [[name, engine[name]] as const]))
  const algorithms = engine.token_endpoint_auth_signing_alg_values_supported
  return {
    ...Object.fromEntries(kept),
    grant_types_supported: [...grantTypes],
    response_modes_supported: ['query'],
    token_endpoint_auth_methods_supported: authMethods,
    // Left out they would mean client_secret_basic (RFC 8414 §2). Enforcement points ask by their certificate.
    introspection_endpoint_auth_methods_supported: authMethods,
    introspection_endpoint_auth_signing_alg_values_supported: algorithms,
    revocation_endpoint_auth_methods_supported: authMethods,
    revocation_endpoint_auth_signing_alg_values_supported: algorithms,
    authorization_details_types_supported: ['agent_permission'],
    tls_client_certificate_bound_access_tokens: true,
    actor_profile_token_exchange: {
      subject_token_types_supported: [
        'urn:ietf:params:oauth:token-type:jwt',
        'urn:ietf:params:oauth:token-type:access_token',
      ],
      actor_token_types_supported: [
        'urn:ietf:params:oauth:token-type:access_token',
        'urn:ietf:params:oauth:token-type:jwt',
      ],
      requested_token_types_supported: ['urn:ietf:params:oauth:token-type:access_token'],
    },
    entity_profiles_supported: {
      client: ['service', 'ai_agent'],
      subject: ['user', 'service', 'ai_agent'],
      actor: ['ai_agent'],
    },
  }
}
