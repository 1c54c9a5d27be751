/** Helpers that the engine gives to its built-in grants and not to custom ones (pinned: they move in minor releases). */
declare module 'oidc-provider/lib/helpers/grants.js' {
  import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
  export function validateDpop(
    provider: Provider,
    ctx: KoaContextWithOIDC,
  ): Promise<{ thumbprint: string; jti: string; iat: number } | undefined>
  export function buildTokenResponse(
    provider: Provider,
    response: {
      accessToken: string
      tokenType: string
      issuedTokenType?: string
      expiresIn: number
      authorizationDetails?: unknown
      /** Members of ours. */
      parameters?: object
    },
  ): object
}
declare module 'oidc-provider/lib/helpers/pkce.js' {
  /** RFC 7636 §4.6. @throws InvalidGrant when the verifier does not fit the challenge */
  export default function checkPKCE(verifier: string | undefined, challenge: string, method: string): void
}
declare module 'oidc-provider/lib/helpers/check_attest_binding.js' {
  import type { KoaContextWithOIDC } from 'oidc-provider'
  /** @throws InvalidGrant when the request is not by the attested key that `model` is bound to */
  export function checkAttestBinding(ctx: KoaContextWithOIDC, model: { attestationJkt?: string }): Promise<void>
}

declare module 'oidc-provider/lib/helpers/lru.js' {
  export default class LRU {
    constructor(options: { maxSize: number })
  }
}
declare module 'oidc-provider/lib/helpers/weak_cache.js' {
  import type { Provider } from 'oidc-provider'
  import type LRU from 'oidc-provider/lib/helpers/lru.js'
  export default function internals(provider: Provider): { dynamicClients: LRU }
}
