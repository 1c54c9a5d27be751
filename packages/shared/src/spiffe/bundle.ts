/** SPIFFE trust bundles (SPIFFE Trust Domain and Bundle §4): the keys by which SVIDs of one trust domain are verified. */
import { X509Certificate } from 'node:crypto'
import { CredenceError } from '@credence/contracts/errors'
import { createLocalJWKSet, type JWK, type JWTVerifyGetKey } from 'jose'
import { isTrustDomain } from './id.ts'

export type TrustBundle = {
  /** The document does not name it: whoever configures where it comes from says whose it is (§5.2.1). */
  trustDomain: string
  x509Authorities: readonly X509Certificate[]
  jwtAuthorities: readonly JWK[]
  /** For jose’s `jwtVerify`: the JWT authority that a header names by `kid`. */
  jwtKey: JWTVerifyGetKey
  /** 64 bits (§4.1.1), more than a number holds. */
  sequence: bigint | undefined
  refreshHintSeconds: number
}

const DEFAULT_REFRESH_SECONDS = 300
const KEY_TYPES = ['EC', 'RSA']

const malformed = (why: string, cause?: unknown) =>
  new CredenceError('invalid_argument', 'bundle_malformed', `This is not a SPIFFE bundle: ${why}.`, [], cause)

/**
 * Reads a bundle. Keys of another type or use are passed over; a bundle without any key is valid, and with it nothing
 * of that domain is (§4.1.3).
 * @throws CredenceError `invalid_argument`, `bundle_malformed`
 */
export function parseBundle(trustDomain: string, text: string): TrustBundle {
  if (!isTrustDomain(trustDomain)) throw malformed('its trust domain is not one')
  const { keys, spiffe_sequence, spiffe_refresh_hint } = parseDocument(text)
  if (!Array.isArray(keys)) throw malformed('"keys" must be an array')
  const x509Authorities: X509Certificate[] = []
  const jwtAuthorities: JWK[] = []
  for (const key of keys.filter(isUsable)) {
    if (key.use === 'x509-svid') x509Authorities.push(...authoritiesIn(key))
    // Without the use: to jose only "sig" verifies signatures.
    if (key.use === 'jwt-svid' && key.kid) jwtAuthorities.push({ ...key, use: undefined })
  }
  if (new Set(jwtAuthorities.map(({ kid }) => kid)).size < jwtAuthorities.length)
    throw malformed('two keys have the same "kid"')
  return {
    trustDomain,
    x509Authorities,
    jwtAuthorities,
    jwtKey: createLocalJWKSet({ keys: jwtAuthorities }),
    sequence: sequenceOf(spiffe_sequence),
    refreshHintSeconds: refreshOf(spiffe_refresh_hint),
  }
}

/** What a bundle must not lose: an old document that comes again would bring back keys that were taken out. */
export function refuseOlder(held: TrustBundle | undefined, next: TrustBundle): void {
  if (held?.sequence === undefined) return
  if (next.sequence !== undefined && next.sequence >= held.sequence) return
  throw new CredenceError(
    'failed_precondition',
    'bundle_sequence_backwards',
    `The bundle of ${next.trustDomain} is older than the one that is held: its spiffe_sequence went back.`,
  )
}

type Document = { keys?: unknown; spiffe_sequence?: unknown; spiffe_refresh_hint?: unknown }
type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown

/** Numbers stay text until it is known how large they may be. */
const withExactSequence: Reviver = (key, value, context) =>
  key === 'spiffe_sequence' && typeof value === 'number' ? context.source : value

function parseDocument(text: string): Document {
  try {
    const value: unknown = JSON.parse(text, withExactSequence as Parameters<typeof JSON.parse>[1])
    if (value && typeof value === 'object' && !Array.isArray(value)) return value
  } catch (cause) {
    throw malformed('it is not JSON', cause)
  }
  throw malformed('it is not a JSON object')
}

function sequenceOf(value: unknown): bigint | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string' || !/^[0-9]{1,20}$/.test(value) || BigInt(value) >= 2n ** 64n)
    throw malformed('"spiffe_sequence" must be a whole number of 64 bits')
  return BigInt(value)
}

function refreshOf(value: unknown): number {
  if (value === undefined) return DEFAULT_REFRESH_SECONDS
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw malformed('"spiffe_refresh_hint" must be a whole number of seconds')
}

const isUsable = (key: unknown): key is JWK =>
  !!key &&
  typeof key === 'object' &&
  // Not made a text first: an object may say how that goes, and break it.
  (KEY_TYPES as unknown[]).includes((key as JWK).kty) &&
  !('d' in key) &&
  typeof ((key as JWK).kid ?? '') === 'string'

/** X509-SVID §6.1: one certificate; what stands behind it is ignored. */
function authoritiesIn({ x5c }: JWK): X509Certificate[] {
  const [first] = Array.isArray(x5c) ? x5c : []
  if (typeof first !== 'string') return []
  try {
    return [new X509Certificate(Buffer.from(first, 'base64'))]
  } catch {
    return []
  }
}
