/**
 * Sign-in of people at the enterprise's OpenID providers (OpenID Connect Core 1.0 §3.1): authorization code with PKCE
 * (RFC 7636), state and nonce. Every provider has a redirect URI of its own, so that an answer of one cannot be passed
 * off as another's (RFC 9700 §4.4). ID tokens are checked by their signature as well.
 */
import { unauthenticated, unavailable } from '@credence/contracts/errors'
import { type ClaimNames, readClaims, tellsAll } from '@credence/shared/callers/claims'
import { readSignIn } from '@credence/shared/callers/sign-in'
import type { Egress } from '@credence/shared/http/egress'
import { type Log, messageOf } from '@credence/shared/log'
import { importPKCS8 } from 'jose'
import * as client from 'openid-client'
import type { SignedIn, SignIn, SignInUnderWay } from '../../api/people.ts'
import type { ProviderSettings } from './providers.ts'

const FETCH_SECONDS = 5
const MAX_NAME = 200
/** How long metadata counts: a provider that moves is found again without a restart. */
const METADATA_MS = 10 * 60_000

export function createSignIn(parts: {
  providers: ProviderSettings[]
  /** Our issuer: where the browser comes back to, under `/signed-in/<id>`. */
  issuer: string
  claimsOf: (issuer: string) => ClaimNames
  /** Every request to a provider goes through it. */
  fetch: Egress
  log: Log
}): SignIn {
  const known = new Map<string, { found: Promise<client.Configuration>; at: number }>()

  function configurationOf(settings: ProviderSettings): Promise<client.Configuration> {
    const remembered = known.get(settings.id)
    if (remembered && Date.now() - remembered.at < METADATA_MS) return remembered.found
    const found = discover(settings, parts.fetch)
    known.set(settings.id, { found, at: Date.now() })
    found.catch(() => known.delete(settings.id))
    return found
  }
  const settingsOf = (id: string): ProviderSettings => {
    const settings = parts.providers.find((one) => one.id === id)
    if (!settings) throw unauthenticated('provider_unknown', 'There is no such identity provider here.')
    return settings
  }
  const redirectUri = (id: string) => `${parts.issuer}/signed-in/${id}`

  return {
    providers: parts.providers.map(({ id, display_name, issuer }) => ({ id, name: display_name, issuer })),
    begin: async (id) => {
      const settings = settingsOf(id)
      const configuration = await configurationOf(settings)
      const [state, nonce, verifier] = [client.randomState(), client.randomNonce(), client.randomPKCECodeVerifier()]
      const url = client.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri(id),
        scope: settings.scope,
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      return { url, kept: { provider: id, state, nonce, verifier } }
    },
    finish: async (kept, query) => {
      const settings = settingsOf(kept.provider)
      const configuration = await configurationOf(settings)
      const callback = new URL(`${redirectUri(kept.provider)}?${query}`)
      const names = parts.claimsOf(settings.issuer)
      try {
        const { subject, claims, signIn } = await claimsFrom(configuration, kept, callback, names)
        const { name, groups } = readClaims(names, claims)
        return { issuer: settings.issuer, subject, name: name.slice(0, MAX_NAME), groups, signIn }
      } catch (error) {
        throw refusal(settings, error, parts.log)
      }
    },
  }
}

async function discover(settings: ProviderSettings, fetching: Egress): Promise<client.Configuration> {
  const { issuer, credential, private_key_algorithm } = settings
  try {
    const authentication =
      'secret' in credential
        ? client.ClientSecretBasic(credential.secret)
        : client.PrivateKeyJwt(await importPKCS8(credential.privateKey, private_key_algorithm))
    const metadata = { id_token_signed_response_alg: settings.id_token_algorithm }
    const configuration = await client.discovery(new URL(issuer), settings.client_id, metadata, authentication, {
      [client.customFetch]: (url, options) => fetching(url, options as RequestInit),
      timeout: FETCH_SECONDS,
    })
    if (configuration.serverMetadata().issuer !== issuer) throw new Error('its metadata names another issuer')
    client.enableNonRepudiationChecks(configuration)
    return configuration
  } catch (error) {
    throw unreachable(settings.display_name, error)
  }
}

const unreachable = (name: string, cause: unknown) =>
  unavailable('idp_unreachable', `The identity provider ${name} cannot be reached now. Try again in a moment.`, cause)

async function claimsFrom(
  configuration: client.Configuration,
  kept: SignInUnderWay,
  callback: URL,
  names: ClaimNames,
): Promise<{ subject: string; claims: object; signIn: SignedIn['signIn'] }> {
  const tokens = await client.authorizationCodeGrant(configuration, callback, {
    pkceCodeVerifier: kept.verifier,
    expectedState: kept.state,
    expectedNonce: kept.nonce,
    idTokenExpected: true,
  })
  const claims = tokens.claims()
  if (!claims) throw new Error('there is no ID token')
  // Many providers keep groups out of the ID token, and tell them to who asks.
  const asks = !tellsAll(names, claims) && configuration.serverMetadata().userinfo_endpoint
  const more = asks ? await client.fetchUserInfo(configuration, tokens.access_token, claims.sub) : {}
  return { subject: claims.sub, claims: { ...more, ...claims }, signIn: readSignIn(claims) }
}

/** What a person is told; the log has the code that a platform engineer searches for. */
function refusal(settings: ProviderSettings, error: unknown, log: Log) {
  if (isNetwork(error)) return unreachable(settings.display_name, error)
  if (error instanceof client.AuthorizationResponseError && error.error === 'access_denied')
    return unauthenticated('sign_in_declined', 'The sign-in was declined at the identity provider.')
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  log.warn('sign-in refused', { reason: 'sign_in_failed', code, caller: settings.id, error: reasonsOf(error) })
  return unauthenticated('sign_in_failed', 'The answer of the identity provider does not fit. Sign in again.')
}

/** The messages down to the cause, which is where the library says what did not fit. */
const reasonsOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${messageOf(error.cause)}` : ''
  return `${messageOf(error)}${cause}`
}

const isNetwork = (error: unknown): boolean =>
  error instanceof TypeError || (error instanceof client.ClientError && error.code === 'OAUTH_TIMEOUT')
