/** DPoP (RFC 9449 §4.3): the proof that whoever sends an access token holds the key that it is bound to. */
import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, EmbeddedJWK, errors, type JWTVerifyResult, jwtVerify } from 'jose'
import { z } from 'zod'
import { once } from '../callers/agent-proof.ts'
import { invalidProof, invalidToken, KeysUnavailable } from './refusal.ts'

/** What a proof has to fit: the request as its sender saw it, the token, and the key's thumbprint in the token. */
export type Proven = { method: string; url: URL; token: string; thumbprint: string }
export type VerifyProof = (proof: string, proven: Proven, now: Date) => Promise<void>

/** Signature algorithms that a proof may have (RFC 9728, `dpop_signing_alg_values_supported`). */
export const PROOF_ALGORITHMS = ['ES256', 'EdDSA']

const LIFE_SECONDS = 300
const FUTURE_SECONDS = 15
/** Those of five minutes at 3,000 requests a second; about 100 MB. */
const MOST_REMEMBERED = 1_000_000

const Claims = z.object({
  jti: z.string().min(1).max(256),
  htm: z.string(),
  htu: z.string(),
  iat: z.number(),
  ath: z.string(),
})

/**
 * A proof is taken once by this process: what several processes serve has to keep them apart, or accept that each takes
 * it once, within its five minutes and for the same method and URL only.
 * @throws TokenRefused `invalid_dpop_proof`, or `invalid_token` when it is a good proof by another key (RFC 9449 §7.1)
 */
export function createVerifyProof(): VerifyProof {
  const used = new Map<string, number>()
  return async (proof, { method, url, token, thumbprint }, now) => {
    const { payload, protectedHeader } = await verified(proof, now)
    const claims = Claims.safeParse(payload)
    if (!claims.success) throw unfit()
    const { jti, htm, htu, iat, ath } = claims.data
    const seconds = Math.floor(now.getTime() / 1000)
    if (iat > seconds + FUTURE_SECONDS) throw invalidProof('The DPoP proof comes from the future.')
    const fits = iat >= seconds - LIFE_SECONDS && htm === method && sameUrl(htu, url) && ath === digestOf(token)
    if (!fits) throw unfit()
    if ((await calculateJwkThumbprint(protectedHeader.jwk ?? {})) !== thumbprint)
      throw invalidToken('The token is bound to another key than the one that proved itself.')
    const mark = digestOf(JSON.stringify([thumbprint, jti]))
    if (!once(used, mark, iat + LIFE_SECONDS + 1, seconds)) throw invalidProof('The DPoP proof was used before.')
    if (used.size > MOST_REMEMBERED) {
      used.delete(mark)
      throw new KeysUnavailable('Too many proofs came at once to remember them.')
    }
  }
}

function verified(proof: string, now: Date): Promise<JWTVerifyResult> {
  const options = { typ: 'dpop+jwt', algorithms: PROOF_ALGORITHMS, clockTolerance: FUTURE_SECONDS, currentDate: now }
  return jwtVerify(proof, EmbeddedJWK, options).catch((error) => {
    // A key that is none makes other errors than JOSE's.
    if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException) throw unfit()
    throw error
  })
}

const unfit = () => invalidProof('The DPoP proof does not fit this request, this token or this time.')

const digestOf = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** Without query and fragment, after the normalisation of RFC 3986 §6.2 (RFC 9449 §4.3). */
function sameUrl(text: string, url: URL): boolean {
  const claimed = URL.parse(text)
  return claimed !== null && claimed.origin + claimed.pathname === url.origin + url.pathname
}
