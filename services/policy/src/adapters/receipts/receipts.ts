/**
 * Receipts: what was decided, signed with this service's X.509-SVID. Whoever has the trust domain's bundle can verify one
 * offline (packages/sdk/src/resource/receipt.ts); no other key has to be published.
 */
import { sha256 } from '@credence/shared/digest'
import type { TlsFiles } from '@credence/shared/rpc/tls'
import { createSignAsService } from '@credence/shared/spiffe/signed-jwt'
import canonicalize from 'canonicalize'
import type { Receipts } from '../../api/context.ts'

export function createReceipts(tls: TlsFiles, spiffeId: string): Receipts {
  const sign = createSignAsService(tls)
  return {
    sign: (made, position, now) => {
      const claims = {
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
      }
      return sign(claims, { typ: 'decision-receipt+jwt', now })
    },
  }
}
