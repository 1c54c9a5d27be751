/** Evidence of the kind `software`: what the agent measured of itself, signed with its own key. The weakest kind. */
import { createHash } from 'node:crypto'
import type { Composition } from '@credence/contracts/events/values'
import { SignJWT } from 'jose'
import type { AgentKey } from './key.ts'

const DOMAIN = 'credence-software-evidence-v1'
const PURPOSE = 'attestation'

/** @returns a JWS, typ `software-evidence+jwt`, bound to nonce, key, purpose and audience (RFC 9334 §10.2) */
export async function softwareEvidence(
  key: AgentKey,
  about: { spiffeId: string; audience: string; nonce: string; measurements: Composition },
): Promise<string> {
  const { spiffeId, audience, nonce, measurements } = about
  return new SignJWT({
    eat_nonce: nonce,
    purpose: PURPOSE,
    binding: binding([DOMAIN, nonce, key.thumbprint, PURPOSE, audience]),
    measurements,
  })
    .setProtectedHeader({ alg: key.algorithm, typ: 'software-evidence+jwt' })
    .setIssuer(spiffeId)
    .setSubject(spiffeId)
    .setAudience(audience)
    .setIssuedAt()
    .sign(key.privateKey)
}

/** SHA-256 over the parts, each with its length in four bytes before it, so that no two lists give the same bytes. */
function binding(parts: string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) {
    const bytes = Buffer.from(part)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.byteLength)
    hash.update(length).update(bytes)
  }
  return hash.digest('base64url')
}
