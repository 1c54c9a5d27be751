/** A cluster, as its anchor has it, and what must hold of a token that it signed. */
import type { Anchor } from '@credence/contracts/attestation/trust'
import { compactVerify, errors } from 'jose'
import type { ClusterKeys } from './keys.ts'
import type { Refused, Token, TokenClaims } from './token.ts'

/** Longer ones are the API server’s own, which it may let live for a year. */
export const MAX_LIFE_SECONDS = 24 * 3600
export const SKEW_SECONDS = 5

export type Cluster = { anchor: string; issuer: string; audience: string; jwks: string }

export const clustersIn = (anchors: readonly Anchor[]): Cluster[] =>
  anchors.flatMap(({ anchor, material }) => (material.type === 'kubernetes-cluster' ? [{ anchor, ...material }] : []))

/** @returns why the cluster did not sign this token; undefined when it did */
export async function signatureFault(
  token: Token,
  cluster: Cluster,
  keysOf: ClusterKeys,
): Promise<Refused | undefined> {
  const keys = keysOf(cluster.jwks)
  if (!keys) return { refused: 'anchor_unusable', detail: `${cluster.anchor} has no key set` }
  const key = keys.get(token.keyId)
  if (!key) return { refused: 'key_unknown' }
  if (key.isWeak) return { refused: 'algorithm_weak', detail: 'is signed by an RSA key of less than 2048 bits' }
  try {
    await compactVerify(token.text, key.getKey, { algorithms: [token.algorithm] })
    return undefined
  } catch (error) {
    // The key is of another type, or for another use, than the token’s algorithm says.
    if (error instanceof errors.JWKSNoMatchingKey) return { refused: 'key_usage_wrong' }
    return { refused: 'signature_invalid' }
  }
}

/**
 * Who it is for, and from when until when (RFC 7519 §4.1.3 to §4.1.6).
 * @param about.binding of this challenge, base64url: the one audience that may stand beside ours
 */
export function claimFault(
  claims: TokenClaims,
  about: { audience: string; binding: string; now: Date },
): Refused | undefined {
  const now = Math.floor(about.now.getTime() / 1000)
  if (!claims.aud.includes(about.audience)) return { refused: 'other_audience' }
  const others = claims.aud.filter((name) => name !== about.audience && name !== about.binding)
  if (others.some(isBinding)) return { refused: 'nonce_mismatch' }
  // Whoever else it names could bring it here.
  if (others.length > 0 || new Set(claims.aud).size < claims.aud.length)
    return { refused: 'other_audience', detail: 'names other audiences beside ours' }
  if (claims.exp <= now) return { refused: 'evidence_expired' }
  if (Math.max(claims.nbf, claims.iat) > now + SKEW_SECONDS) return { refused: 'evidence_not_yet_valid' }
  if (claims.exp - claims.iat > MAX_LIFE_SECONDS) return { refused: 'token_lives_too_long' }
  return undefined
}

/** 32 bytes in base64url: made for a challenge. */
const isBinding = (audience: string): boolean => /^[\w-]{43}$/.test(audience)
