/** Signing keys, one for each use, each in a file that only its owner can read. */
import { join } from 'node:path'
import { openSigningKey } from '@credence/shared/keys'
import { CompactSign, createLocalJWKSet } from 'jose'
import type { Keys, KeyUse, PublishedKey } from '../../api/context.ts'

const FILES: Record<KeyUse, string> = { token: 'issuer.pem', 'jwt-svid': 'jwt-svid.pem', 'x509-svid': 'x509-svid.pem' }

export async function openKeys(folder: string): Promise<Keys> {
  const uses = Object.keys(FILES) as KeyUse[]
  const opened = await Promise.all(
    uses.map(async (use) => [use, await openSigningKey(join(folder, FILES[use]), 'P-256')] as const),
  )
  const ring = new Map(opened)
  const keyOf = (use: KeyUse) => {
    const key = ring.get(use)
    if (!key) throw new Error(`no key for ${use}`)
    return key
  }
  const published = (use: KeyUse): PublishedKey[] => {
    const { publicJwk, keyId } = keyOf(use)
    return [{ ...publicJwk, kid: keyId, alg: 'ES256' }]
  }
  return {
    sign: (use, { typ }, claims) =>
      new CompactSign(Buffer.from(JSON.stringify(claims)))
        .setProtectedHeader({ alg: 'ES256', typ, kid: keyOf(use).keyId })
        .sign(keyOf(use).privateKey),
    verifier: (use) => createLocalJWKSet({ keys: published(use) }),
    published,
  }
}
