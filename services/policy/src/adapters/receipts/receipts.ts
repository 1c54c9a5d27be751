/**
 * Receipts: what was decided, signed with this service's X.509-SVID. Whoever has the trust domain's bundle can verify one
 * offline (packages/sdk/src/resource/receipt.ts); no other key has to be published.
 */
import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { sha256 } from '@credence/shared/digest'
import type { TlsFiles } from '@credence/shared/rpc/tls'
import { certificatesIn } from '@credence/shared/spiffe/x509-svid'
import canonicalize from 'canonicalize'
import { SignJWT } from 'jose'
import type { Receipts } from '../../api/context.ts'

const ALGORITHMS: Record<string, string> = { ec: 'ES256', ed25519: 'EdDSA', rsa: 'PS256' }

export function createReceipts(tls: TlsFiles, spiffeId: string): Receipts {
  const key = createPrivateKey(readFileSync(tls.keyFile))
  const alg = ALGORITHMS[key.asymmetricKeyType ?? ''] ?? 'ES256'
  const x5c = certificatesIn(readFileSync(tls.certFile, 'utf8')).map((der) => Buffer.from(der).toString('base64'))
  return {
    sign: (made, position, now) =>
      new SignJWT({
        iss: spiffeId,
        jti: made.decision,
        outcome: made.outcome,
        reasons: made.reasons,
        /** RFC 8785 form of the question, as the record names its parts. */
        request_digest: sha256(
          canonicalize({
            agent: made.agent,
            grant: made.grant,
            token: made.token,
            action: made.action,
            resource: made.resource,
            sensitivity: made.sensitivity,
            audience: made.audience,
            ...(made.act ? { act: made.act } : {}),
          }) ?? '',
        ),
        /** Digest of policies and schema together. */
        policy_digest: made.policy_version,
        engine: made.engine,
        /** Digest of the entities. */
        snapshot_digest: made.snapshot,
        position,
      })
        .setProtectedHeader({ alg, typ: 'decision-receipt+jwt', x5c })
        .setIssuedAt(now)
        .sign(key),
  }
}
