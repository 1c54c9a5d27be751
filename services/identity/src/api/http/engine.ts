/**
 * The OAuth authorization server on oidc-provider: it authenticates clients, checks proofs (RFC 9449), keeps pushed
 * requests (RFC 9126), leads people to the page that asks them, and makes codes. What grants issue is ours. Its known
 * defects are closed here: replay that is not atomic, audiences and proof URLs that follow the Host header, audience
 * arrays.
 */
import { generateKeyPairSync, hkdfSync } from 'node:crypto'
import type { Clock } from '@credence/shared/clock'
import type { Barrier } from '@credence/shared/event-store/barrier'
import { type Log, messageOf } from '@credence/shared/log'
import type { JWK } from 'jose'
import { errors, interactionPolicy, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import LRU from 'oidc-provider/lib/helpers/lru.js'
import internals from 'oidc-provider/lib/helpers/weak_cache.js'
import type { Principals } from '../../projections/principals.ts'
import type { OAuthStore, Replay } from '../context.ts'
import { type Attesters, attestationFeature } from './attestation.ts'
import { markAuthenticated, provedClient } from './client-authentication.ts'
import { clientOf } from './clients.ts'
import { engineStorage } from './engine-storage.ts'
import { errorPage } from './error-page.ts'
import { guardGrants, recordRefusals } from './guards.ts'
import type { Limits } from './limits.ts'
import { truthful } from './metadata.ts'
import { freshAssertion, useAssertion } from './proofs.ts'
import { pushedParameters } from './pushed-request.ts'
import type { Refusals } from './refusals.ts'

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const CLIENT_CREDENTIALS = 'client_credentials'
const MAX_ASSERTION_SECONDS = 300
const SKEW_SECONDS = 15
/** Clients whose metadata and keys the engine has read; it looks up a digest of them each time, so none is ever stale. */
const KNOWN_CLIENTS = 20_000
/** Routes whose handlers wait for single use of the assertion before they do anything (guards.ts, pushed-request.ts). */
const WAITING = new Set(['token', 'pushed_authorization_request'])

export type EngineParts = {
  issuer: string
  principals: Principals
  replay: Replay
  store: OAuthStore
  barrier: Barrier
  refusals: Refusals
  limits: Limits
  attesters: Attesters | undefined
  /** 64 bytes that all replicas share. */
  challengeSecret: Buffer
  /** True: a proof without a nonce of ours is refused (RFC 9449 §8). */
  nonceRequired: boolean
  clock: Clock
  log: Log
}

export function createEngine(parts: EngineParts): Provider {
  const grantTypes = new Set<string>()
  const attesting = parts.attesters ? ['attest_jwt_client_auth', 'attest_jwt_client_auth_dpop'] : []
  const { Prompt, Check } = interactionPolicy
  const unanswered = new Check('unanswered', 'a person has to agree', 'interaction_required', (ctx) => {
    const { result } = ctx.oidc as unknown as { result?: { consent?: object } }
    return result?.consent === undefined
  })
  const provider: Provider = new Provider(parts.issuer, {
    adapter: engineStorage({ ...parts, clientOf: (id) => clientOf({ ...parts, grantTypes }, id) }),
    jwks: {
      keys: [
        // The engine wants a key of its own. It signs nothing that leaves: our tokens are signed by our keys (keys.ts).
        {
          ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
          use: 'sig',
        } as JWK,
      ],
    },
    routes: {
      authorization: '/authorize',
      pushed_authorization_request: '/par',
      token: '/token',
      introspection: '/introspect',
      revocation: '/revoke',
      jwks: '/jwks',
    },
    clientAuthMethods: ['private_key_jwt', 'tls_client_auth', ...attesting],
    enabledJWA: {
      clientAuthSigningAlgValues: ['ES256', 'EdDSA'],
      attestSigningAlgValues: ['ES256', 'EdDSA'],
      dPoPSigningAlgValues: ['ES256', 'EdDSA'],
      idTokenSigningAlgValues: ['ES256'],
    },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    responseTypes: ['code'],
    scopes: [],
    allowOmittingSingleRegisteredRedirectUri: false,
    pkce: { required: () => true },
    extraParams: pushedParameters(() => provider, parts),
    ttl: { AuthorizationCode: 60, Interaction: 600, Session: 600, Grant: 600 },
    cookies: {
      keys: [Buffer.from(hkdfSync('sha256', parts.challengeSecret, '', 'cookies', 32)).toString('base64url')],
      short: { httpOnly: true, sameSite: 'lax', secure: true },
      long: { httpOnly: true, sameSite: 'lax', secure: true },
    },
    interactions: { policy: [new Prompt({ name: 'delegation', requestable: false }, unanswered)] },
    findAccount: (_ctx: unknown, id: string) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    loadExistingGrant: (ctx: KoaContextWithOIDC) => {
      const { result } = ctx.oidc as unknown as { result?: { consent?: { grantId: string } } }
      return result?.consent ? provider.Grant.find(result.consent.grantId) : undefined
    },
    expiresWithSession: () => false,
    renderError: errorPage,
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
      resourceIndicators: { enabled: false },
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
      dPoP: {
        enabled: true,
        allowReplay: true,
        nonceSecret: parts.challengeSecret.subarray(0, 32),
        requireNonce: () => parts.nonceRequired,
      },
      mTLS: {
        enabled: true,
        tlsClientAuth: true,
        // Whose SVID came with the request was found out before (client-authentication.ts); here it is only compared.
        getCertificate: (ctx: KoaContextWithOIDC) => provedClient(ctx.req),
        certificateAuthorized: (ctx: KoaContextWithOIDC) => provedClient(ctx.req) !== undefined,
        certificateSubjectMatches: (ctx: KoaContextWithOIDC, property: string, expected: string) => {
          const same = property === 'tls_client_auth_san_uri' && provedClient(ctx.req) === expected
          if (same) markAuthenticated(ctx)
          return same
        },
      },
      attestClientAuth: attestationFeature(parts.attesters, {
        ...parts,
        challengeSecret: parts.challengeSecret.subarray(32, 64),
      }),
      // For the authentication of clients; the answers are ours (introspection.ts, revocation.ts).
      introspection: { enabled: true, allowedPolicy: () => false },
      revocation: { enabled: true, allowedPolicy: () => false },
    },
    assertJwtClientAuthClaimsAndHeader: (ctx: KoaContextWithOIDC, claims: Record<string, unknown>) => {
      const now = Math.floor(parts.clock().getTime() / 1000)
      if (claims.aud !== parts.issuer) throw new errors.InvalidClientAuth('aud must be the issuer, as one string')
      if (claims.sub !== claims.iss) throw new errors.InvalidClientAuth('sub must be the client')
      if (Number(claims.exp) > now + MAX_ASSERTION_SECONDS + SKEW_SECONDS)
        throw new errors.InvalidClientAuth('exp is too far away')
      if (Number(claims.iat ?? now) > now + SKEW_SECONDS) throw new errors.InvalidClientAuth('iat is in the future')
      markAuthenticated(ctx)
    },
  } as unknown as ConstructorParameters<typeof Provider>[1])

  // The engine keeps a hundred: with more agents at work it would check metadata and import keys for every request.
  internals(provider).dynamicClients = new LRU({ maxSize: KNOWN_CLIENTS })
  pinToIssuer(provider, parts)
  guardGrants(provider, parts, grantTypes)
  recordRefusals(provider, parts)
  const authMethods = ['private_key_jwt', 'tls_client_auth', 'spiffe_x509', 'spiffe_jwt', ...attesting]
  provider.use(async (ctx, next) => {
    await next()
    if (ctx.oidc?.route === 'discovery')
      ctx.body = truthful(ctx.body as Record<string, unknown>, { grantTypes, authMethods })
    if (ctx.status !== 404 || ctx.body) return
    ctx.body = { error: 'invalid_request', error_description: 'There is nothing here.' }
    ctx.status = 404
  })
  provider.on('server_error', (_ctx, error) => parts.log.error('engine failed', { error: messageOf(error) }))
  return provider
}

/** Audiences and URLs come from the issuer, never from the Host header; single use of assertions is atomic. */
function pinToIssuer(provider: Provider, { issuer, replay }: EngineParts): void {
  const context = (provider as unknown as { OIDCContext: { prototype: Record<string, unknown> } }).OIDCContext.prototype
  context.clientJwtAuthExpectedAudience = () => new Set([issuer])
  context.urlFor = (name: string, options?: object) => provider.urlFor(name, options as never)
  const detection = provider.ReplayDetection as unknown as { unique: (owner: string, jti: string) => Promise<boolean> }
  detection.unique = async (owner, jti) => {
    const ctx = (Provider as unknown as { ctx: KoaContextWithOIDC }).ctx
    useAssertion(replay, ctx, owner, jti)
    if (!WAITING.has(ctx.oidc.route)) await freshAssertion(ctx)
    return true
  }
}
