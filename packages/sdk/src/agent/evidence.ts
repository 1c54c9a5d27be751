/** Evidence of the kind `software`: what the agent measured of itself, signed with its own key. The weakest kind. */

import type { Composition } from '@credence/contracts/events/values'
import { evidenceBinding, SOFTWARE_EVIDENCE } from '@credence/contracts/evidence'
import { SignJWT } from 'jose'
import type { AgentKey } from './key.ts'

/** @returns a JWS, typ `software-evidence+jwt`, bound to nonce, key, purpose and audience (RFC 9334 §10.2) */
export async function softwareEvidence(
  key: AgentKey,
  about: { spiffeId: string; audience: string; nonce: string; measurements: Composition },
): Promise<string> {
  const { spiffeId, audience, nonce, measurements } = about
  return new SignJWT({
    eat_nonce: nonce,
    purpose: SOFTWARE_EVIDENCE.purpose,
    binding: evidenceBinding(nonce, key.thumbprint, audience),
    measurements,
  })
    .setProtectedHeader({ alg: key.algorithm, typ: SOFTWARE_EVIDENCE.type })
    .setIssuer(spiffeId)
    .setSubject(spiffeId)
    .setAudience(audience)
    .setIssuedAt()
    .sign(key.privateKey)
}
