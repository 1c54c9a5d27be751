/**
 * The agent’s statement, which is evidence of the kind `software` and the envelope of all other pieces: a JWS by the
 * agent’s key over what it measured of itself and the digests of the pieces, bound to nonce, key, purpose and audience. It
 * proves possession of the key and freshness; that the measurements are true rests on the agent alone.
 */
import { timingSafeEqual } from 'node:crypto'
import { evidenceBinding, purposeOf, STATEMENT_TYPE } from '@credence/contracts/attestation/binding'
import { EvidenceKind } from '@credence/contracts/attestation/kinds'
import { Composition, Sha256 } from '@credence/contracts/events/values'
import { algorithmOf } from '@credence/shared/callers/agent-proof'
import { sha256 } from '@credence/shared/digest'
import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK } from 'jose'
import { z } from 'zod'
import { MAX_PIECES, type OpenStatement, type Stated } from '../../../api/verifier.ts'

const MAX_AGE_SECONDS = 60
const SKEW_SECONDS = 5
const MAX_BYTES = 16 * 1024

const Claims = z.strictObject({
  iss: z.string(),
  sub: z.string(),
  aud: z.string(),
  iat: z.int(),
  eat_nonce: z.string().min(8).max(128),
  purpose: z.string(),
  binding: z.string(),
  measurements: Composition,
  /** The other pieces, as they were sent. */
  evidence: z.array(z.strictObject({ kind: EvidenceKind.exclude(['software']), digest: Sha256 })).max(MAX_PIECES),
})
type Claims = z.infer<typeof Claims>

export const openStatement: OpenStatement = async (statement, about) => {
  if (Buffer.byteLength(statement) > MAX_BYTES) return { refused: 'evidence_too_large' }
  const claims = parse(statement)
  if (!claims) return { refused: 'evidence_malformed' }
  const refused = (await signatureFault(statement, about)) ?? claimFault(claims, about)
  if (refused) return { refused }
  const { eat_nonce: nonce, measurements: composition, evidence: pieces, iat } = claims
  return { nonce, composition, pieces, measuredAt: new Date(iat * 1000) }
}

function parse(statement: string): Claims | undefined {
  try {
    return decodeProtectedHeader(statement).typ === STATEMENT_TYPE ? Claims.parse(decodeJwt(statement)) : undefined
  } catch {
    return undefined
  }
}

async function signatureFault(statement: string, { agent }: Stated): Promise<string | undefined> {
  const algorithm = algorithmOf(agent.jwk)
  try {
    await compactVerify(statement, await importJWK(agent.jwk, algorithm), { algorithms: [algorithm] })
    return undefined
  } catch {
    return 'signature_invalid'
  }
}

function claimFault(claims: Claims, { agent, nonceDigest, audience, now }: Stated): string | undefined {
  const age = Math.floor(now.getTime() / 1000) - claims.iat
  const { keyThumbprint, spiffeId } = agent
  if (claims.iss !== spiffeId || claims.sub !== spiffeId) return 'other_agent'
  if (claims.aud !== audience) return 'other_audience'
  if (claims.purpose !== purposeOf('software')) return 'other_purpose'
  if (!equal(sha256(claims.eat_nonce), nonceDigest)) return 'nonce_mismatch'
  const binding = evidenceBinding({ kind: 'software', nonce: claims.eat_nonce, keyThumbprint, audience })
  if (!equal(claims.binding, binding.toString('base64url'))) return 'binding_invalid'
  if (age > MAX_AGE_SECONDS) return 'evidence_expired'
  return age < -SKEW_SECONDS ? 'evidence_not_yet_valid' : undefined
}

const equal = (a: string, b: string): boolean => {
  const [one, other] = [Buffer.from(a), Buffer.from(b)]
  return one.byteLength === other.byteLength && timingSafeEqual(one, other)
}
