/** Request schemas that several methods of this service share. */
import { AuthorizationDetails } from '@credence/contracts/authority'
import { invalid } from '@credence/contracts/errors'
import { PublicJwk } from '@credence/contracts/events/identity'
import { Model, Sha256 } from '@credence/contracts/events/values'
import { algorithmOf } from '@credence/shared/callers/agent-proof'
import { importJWK } from 'jose'
import { z } from 'zod'

const YEAR_SECONDS = 366 * 86_400

export const Lifetime = z
  .bigint()
  .refine((value) => value >= 1n && value <= BigInt(YEAR_SECONDS), `must be from 1 to ${YEAR_SECONDS} seconds`)
  .transform(Number)

/** The JSON text of a public JWK. A private member is named, never echoed. */
export const PublicJwkText = z
  .string()
  .max(1_000, 'must be at most 1000 characters')
  .transform((text, context) => {
    const refuse = (message: string) => {
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    }
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      return refuse('must be a JWK as JSON')
    }
    if (value && typeof value === 'object' && 'd' in value)
      return refuse('holds a private key (member "d"): send the public part only, and make a new key')
    const jwk = PublicJwk.safeParse(value)
    if (!jwk.success)
      return refuse('must be a public JWK with kty, crv, x (and y): EC P-256 or OKP Ed25519, and no other member')
    const { x, y = x } = { y: undefined, ...jwk.data }
    // One key, one spelling: otherwise it had several thumbprints, and could be given to several agents.
    if (!isCoordinate(x) || !isCoordinate(y)) return refuse('x (and y) must be 32 bytes as base64url without padding')
    return jwk.data
  })

/** RFC 7518 §6.2.1.2, RFC 8037 §2. */
const isCoordinate = (text: string): boolean => {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.length === 32 && bytes.toString('base64url') === text
}

/** A JWK can have the right form and be no point of its curve. @throws CredenceError `invalid_argument` */
export const importPublicKey = (jwk: PublicJwk) =>
  importJWK(jwk, algorithmOf(jwk)).catch(() => {
    throw invalid('public_jwk', 'is not a key of its curve')
  })

/**
 * Where authority enters. Locations compare byte by byte (authority.proto): a star at the end of one would stand for
 * every address that begins so, which nobody may hand out.
 */
export const Details = AuthorizationDetails.refine(
  (details) => details.every(({ locations }) => locations.every((location) => !location.includes('*'))),
  'locations must not hold a star: name each resource server',
)

export const Described = {
  model: Model,
  promptDigest: Sha256,
  toolManifestDigest: Sha256,
  publicJwk: PublicJwkText,
  lifetimeSeconds: Lifetime,
}

/** A group of the company's directory, as it spells it. */
export const GroupName = z
  .string()
  .min(1, 'must not be empty')
  .max(128, 'must be at most 128 characters')
  .regex(/^[^\p{Cc}\p{Cf}]*$/u, 'must not hold control or direction characters')
