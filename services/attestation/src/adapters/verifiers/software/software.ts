/**
 * Evidence of the kind `software`: a JWS by the agent’s key over what it measured of itself, bound to nonce, key, purpose
 * and audience. It proves possession of the key and freshness; that the measurements are true rests on the agent alone.
 */
import { timingSafeEqual } from 'node:crypto'
import { invalid } from '@credence/contracts/errors'
import { Composition } from '@credence/contracts/events/values'
import { evidenceBinding, SOFTWARE_EVIDENCE } from '@credence/contracts/evidence'
import { algorithmOf } from '@credence/shared/callers/agent-proof'
import { sha256 } from '@credence/shared/digest'
import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK } from 'jose'
import { z } from 'zod'
import type { Evidenced, Verifier } from '../../../api/context.ts'

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
})

export const verifySoftware: Verifier = async (evidence, context) => {
  const claims = parse(evidence)
  const refused = (await signatureFault(evidence, context)) ?? claimFault(claims, context)
  return refused ? { refused } : { measurements: claims.measurements }
}

function parse(evidence: string): z.infer<typeof Claims> {
  if (Buffer.byteLength(evidence) > MAX_BYTES) throw invalid('evidence', `must be at most ${MAX_BYTES} bytes`)
  try {
    if (decodeProtectedHeader(evidence).typ !== SOFTWARE_EVIDENCE.type) throw new Error('type')
    return Claims.parse(decodeJwt(evidence))
  } catch {
    throw invalid(
      'evidence',
      `must be a compact JWS of type ${SOFTWARE_EVIDENCE.type} with iss, sub, aud, iat, eat_nonce, purpose, binding and measurements, and no other claim`,
    )
  }
}

async function signatureFault(evidence: string, { agent }: Evidenced): Promise<string | undefined> {
  const algorithm = algorithmOf(agent.jwk)
  try {
    await compactVerify(evidence, await importJWK(agent.jwk, algorithm), { algorithms: [algorithm] })
    return undefined
  } catch {
    return 'signature_invalid'
  }
}

function claimFault(
  claims: z.infer<typeof Claims>,
  { agent, nonceDigest, audience, now }: Evidenced,
): string | undefined {
  const age = Math.floor(now.getTime() / 1000) - claims.iat
  if (claims.iss !== agent.spiffeId || claims.sub !== agent.spiffeId) return 'other_agent'
  if (claims.aud !== audience) return 'other_audience'
  if (claims.purpose !== SOFTWARE_EVIDENCE.purpose) return 'other_purpose'
  if (!equal(sha256(claims.eat_nonce), nonceDigest)) return 'other_nonce'
  if (!equal(claims.binding, evidenceBinding(claims.eat_nonce, agent.keyThumbprint, audience))) return 'binding_invalid'
  if (age > MAX_AGE_SECONDS || age < -SKEW_SECONDS) return 'evidence_not_fresh'
  return undefined
}

const equal = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
