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
