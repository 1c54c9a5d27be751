/** One kind of evidence, one folder, one function. */
import type { PublicJwk } from '@credence/contracts/events/identity'
import type { Verified } from '../../domain/appraisal.ts'

export type Context = {
  agent: { spiffeId: string; jwk: PublicJwk; keyThumbprint: string }
  /** SHA-256 of the nonce of the challenge, hexadecimal. */
  nonceDigest: string
  audience: string
  now: Date
}

/** @throws CredenceError `invalid_argument` naming `evidence` when it is not even of this form; the challenge stays unused */
export type Verifier = (evidence: string, context: Context) => Promise<Verified>
