/** RFC 9449 §4.3, by the engine; and what it leaves open: proofs from the future, and parallel copies. */
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import * as grants from 'oidc-provider/lib/helpers/grants.js'
import { Refused } from './refused.ts'
import type { TokenParts } from './token-endpoint.ts'

const PROOF_FUTURE_SECONDS = 15

export async function checkProof(
  provider: Provider,
  { replay, clock }: Pick<TokenParts, 'replay' | 'clock'>,
  ctx: KoaContextWithOIDC,
) {
  const proof = await grants.validateDpop(provider, ctx)
  if (!proof) throw new Refused('invalid_dpop_proof', 'no_proof', 'Send a DPoP proof by the key of the agent.')
  if (proof.iat > clock().getTime() / 1000 + PROOF_FUTURE_SECONDS)
    throw new Refused('invalid_dpop_proof', 'proof_from_future', 'The DPoP proof comes from the future.')
  if (!(await replay.first('dpop', proof.thumbprint, proof.jti)))
    throw new Refused('invalid_dpop_proof', 'proof_replayed', 'The DPoP proof was used before.')
  return proof
}
