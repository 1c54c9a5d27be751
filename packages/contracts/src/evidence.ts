/** What both ends of software evidence must spell alike: its type, its purpose, and what it is bound to. */
import { createHash } from 'node:crypto'

export const SOFTWARE_EVIDENCE = { type: 'software-evidence+jwt', purpose: 'attestation' } as const

const DOMAIN = 'credence-software-evidence-v1'

/** SHA-256 over the parts, each with its length in four bytes before it, so that no two lists give the same bytes; base64url. */
export function evidenceBinding(nonce: string, keyThumbprint: string, audience: string): string {
  const hash = createHash('sha256')
  for (const part of [DOMAIN, nonce, keyThumbprint, SOFTWARE_EVIDENCE.purpose, audience]) {
    const bytes = Buffer.from(part)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.byteLength)
    hash.update(length).update(bytes)
  }
  return hash.digest('base64url')
}
