/**
 * Proof of possession at the endpoints of the engine (RFC 9449; RFC 8705 §3). The engine checks what §4.3 of RFC 9449
 * lists; here is what it leaves open: proofs from the future and of long ago, copies sent at the same time, and single
 * use of client assertions, which is asked for while the proof is still being checked.
 */
import type { Clock } from '@credence/shared/clock'
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import * as grants from 'oidc-provider/lib/helpers/grants.js'
import type { Binding } from '../../domain/binding.ts'
import type { Replay } from '../context.ts'
import { certificateOf } from './client-authentication.ts'
import { Refused, unavailable } from './refusals.ts'

const FUTURE_SECONDS = 15
const PAST_SECONDS = 300

export type { Binding } from '../../domain/binding.ts'

export type Proof = { thumbprint: string; jti: string; iat: number }
export type ProofParts = { replay: Replay; clock: Clock }

const checked = new WeakMap<object, Promise<Proof>>()

/** The proof of a request, checked and used up once, however often it is asked for. */
export function checkProof(provider: Provider, parts: ProofParts, ctx: KoaContextWithOIDC): Promise<Proof> {
  const known = checked.get(ctx) ?? freshProof(provider, parts, ctx)
  checked.set(ctx, known)
  return known
}

/** The proof that was sent; without one, the X.509-SVID of the client on this connection. @throws Refused without both */
export async function checkBinding(provider: Provider, parts: ProofParts, ctx: KoaContextWithOIDC): Promise<Binding> {
  const certificate = certificateOf(ctx.req)
  if (!ctx.get('dpop') && certificate && certificate.client === ctx.oidc.client?.clientId)
    return { 'x5t#S256': certificate.thumbprint }
  return { jkt: (await checkProof(provider, parts, ctx)).thumbprint }
}

/** RFC 9449 §4.3, by the engine; §11.1 by us. */
async function freshProof(provider: Provider, { replay, clock }: ProofParts, ctx: KoaContextWithOIDC): Promise<Proof> {
  const proof = await grants.validateDpop(provider, ctx)
  if (!proof) throw new Refused('invalid_dpop_proof', 'no_proof', 'Send a DPoP proof by the key of the agent.')
  const now = clock().getTime() / 1000
  if (proof.iat > now + FUTURE_SECONDS)
    throw new Refused('invalid_dpop_proof', 'proof_from_future', 'The DPoP proof comes from the future.')
  if (proof.iat < now - PAST_SECONDS)
    throw new Refused('invalid_dpop_proof', 'proof_too_old', 'The DPoP proof is too old.')
  if (!(await used(replay.first('dpop', proof.thumbprint, proof.jti))))
    throw new Refused('invalid_dpop_proof', 'proof_replayed', 'The DPoP proof was used before.')
  return proof
}

const assertions = new WeakMap<object, Promise<boolean>>()

/** Begins to use an assertion up; `freshAssertion` says what came of it, and nothing is issued before. */
export function useAssertion(replay: Replay, ctx: object, owner: string, jti: string): void {
  const asked = used(replay.first('assertion', owner, jti))
  asked.catch(() => undefined)
  assertions.set(ctx, asked)
}

/** RFC 7523 §3: a client assertion counts once. @throws Refused when it was used before */
export async function freshAssertion(ctx: object): Promise<void> {
  if ((await assertions.get(ctx)) === false)
    throw Object.assign(new errors.InvalidClientAuth('used before'), { reason: 'assertion_replayed' })
}

const used = (first: Promise<boolean>): Promise<boolean> =>
  first.catch((error) => {
    throw unavailable(error)
  })
