/** Proof of possession (RFC 9449 §4.3), by the engine; and what it leaves open: proofs from the future, and parallel copies. */
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import * as grants from 'oidc-provider/lib/helpers/grants.js'
import type { Binding } from '../../domain/binding.ts'
import { Refused } from './refusals.ts'
import type { TokenParts } from './token-endpoint.ts'

export type { Binding } from '../../domain/binding.ts'

const FUTURE_SECONDS = 15

type ProofParts = Pick<TokenParts, 'replay' | 'clock'>

/** What the client proved. @throws Refused when it proved nothing */
export async function checkBinding(provider: Provider, parts: ProofParts, ctx: KoaContextWithOIDC): Promise<Binding> {
  return { jkt: (await checkProof(provider, parts, ctx)).thumbprint }
}

async function checkProof(provider: Provider, { replay, clock }: ProofParts, ctx: KoaContextWithOIDC) {
  const proof = await grants.validateDpop(provider, ctx)
  if (!proof) throw new Refused('invalid_dpop_proof', 'no_proof', 'Send a DPoP proof by the key of the agent.')
  if (proof.iat > clock().getTime() / 1000 + FUTURE_SECONDS)
    throw new Refused('invalid_dpop_proof', 'proof_from_future', 'The DPoP proof comes from the future.')
  if (!(await replay.first('dpop', proof.thumbprint, proof.jti)))
    throw new Refused('invalid_dpop_proof', 'proof_replayed', 'The DPoP proof was used before.')
  return proof
}
