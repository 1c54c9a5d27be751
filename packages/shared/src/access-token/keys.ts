/** The authorization server's public keys: RFC 8414 metadata, then its JWK Set, kept and renewed by jose. */
import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose'
import { KeysUnavailable } from './refusal.ts'

const FETCH_MS = 1_500
/** How long keys are believed; one that is not among them is looked for at once, but not more often than this. */
const MAX_AGE_MS = 300_000
const COOLDOWN_MS = 5_000

/** @returns the keys, fetched when they are first asked for. @throws KeysUnavailable when they cannot be had */
export function createKeysOf(issuer: string, fetching: typeof fetch): () => Promise<JWTVerifyGetKey> {
  let found: Promise<JWTVerifyGetKey> | undefined
  return () => {
    found ??= discover(issuer, fetching)
    found.catch(() => {
      found = undefined
    })
    return found
  }
}

async function discover(issuer: string, fetching: typeof fetch): Promise<JWTVerifyGetKey> {
  try {
    const response = await fetching(metadataOf(issuer), {
      headers: { accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(FETCH_MS),
    })
    const metadata = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown }
    // RFC 8414 §3.3: identical, character by character.
    if (response.status !== 200 || metadata.issuer !== issuer || typeof metadata.jwks_uri !== 'string')
      throw new Error('its metadata is not its own')
    return createRemoteJWKSet(new URL(metadata.jwks_uri), {
      timeoutDuration: FETCH_MS,
      cooldownDuration: COOLDOWN_MS,
      cacheMaxAge: MAX_AGE_MS,
      [customFetch]: fetching,
    })
  } catch (error) {
    throw new KeysUnavailable('The identity service cannot be reached.', { cause: error })
  }
}

/** RFC 8414 §3.1: the well-known part stands between host and path. */
function metadataOf(issuer: string): URL {
  const { origin, pathname } = new URL(issuer)
  return new URL(`${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`)
}
