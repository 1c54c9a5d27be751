/**
 * Agents: a short JWT by the agent's own key over exactly one call, sent as `agent-proof`. It is to a gRPC call what
 * DPoP (RFC 9449) is to an HTTP request, and covers the request's bytes as well.
 */
import { createHash, randomUUID } from 'node:crypto'
import { unauthenticated } from '@credence/contracts/errors'
import type { PublicJwk } from '@credence/contracts/events/identity'
import type { LivingKey } from '@credence/contracts/principals/agent'
import { type CryptoKey, decodeJwt, decodeProtectedHeader, importJWK, jwtVerify, SignJWT } from 'jose'
import type { Clock } from '../clock.ts'
import type { Barrier } from '../event-store/barrier.ts'

const TYPE = 'agent-proof+jwt'
const LIFE_SECONDS = 60
const SKEW_SECONDS = 5

/** An agent and the keys by which it may prove itself now, the newest first. */
export type KnownAgent = { agent: string; keys: LivingKey[] }
export type FindAgent = (spiffeId: string, now: Date) => KnownAgent | undefined
export type VerifyAgentProof = (
  proof: string,
  path: string,
  request: Uint8Array,
) => Promise<{ agent: string; id: string; keyThumbprint: string }>

const digestOf = (request: Uint8Array): string => createHash('sha256').update(request).digest('base64url')

/** The one signature algorithm (RFC 7518, RFC 8037) that we accept for a key. */
export const algorithmOf = (jwk: PublicJwk): 'ES256' | 'EdDSA' => (jwk.kty === 'EC' ? 'ES256' : 'EdDSA')

/**
 * @param about.audience SPIFFE ID of the service that will be called
 * @param about.keyId thumbprint of the key (RFC 7638); needed while an agent rotates its key and has two
 */
export async function signAgentProof(
  key: CryptoKey,
  about: { algorithm: string; keyId?: string; spiffeId: string; audience: string; path: string; request: Uint8Array },
): Promise<string> {
  return new SignJWT({ method: about.path, request_digest: digestOf(about.request) })
    .setProtectedHeader({ alg: about.algorithm, typ: TYPE, ...(about.keyId ? { kid: about.keyId } : {}) })
    .setIssuer(about.spiffeId)
    .setSubject(about.spiffeId)
    .setAudience(about.audience)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime(`${LIFE_SECONDS}s`)
    .sign(key)
}

/**
 * Checks issuer, audience, method, request digest, times, signature by the registered key, and that the proof was not
 * used before (in this process: method and bytes are bound, so a copy elsewhere can only repeat the same command).
 * @param options.find the agent with this SPIFFE ID, if it is registered
 */
export function createVerifyAgentProof(options: {
  audience: string
  find: FindAgent
  /** Passed when an agent is not known: it may have been registered a moment ago. */
  barrier: Barrier
  clock: Clock
}): VerifyAgentProof {
  const findLately = async (id: string): Promise<KnownAgent | undefined> => {
    const known = options.find(id, options.clock())
    if (known) return known
    await options.barrier()
    return options.find(id, options.clock())
  }
  const used = new Map<string, number>()
  return async (proof, path, request) => {
    const now = Math.floor(options.clock().getTime() / 1000)
    const id = claimedIssuer(proof)
    const known = id ? await findLately(id) : undefined
    if (!id || !known) throw refused('its issuer is not a registered agent')
    const key = keyNamed(known, proof)
    if (!key) throw refused('it is not by a key that the agent has now')
    const algorithm = algorithmOf(key.jwk)
    const { payload } = await jwtVerify(proof, await importJWK(key.jwk, algorithm), {
      issuer: id,
      subject: id,
      audience: options.audience,
      typ: TYPE,
      algorithms: [algorithm],
      requiredClaims: ['iat', 'exp', 'jti'],
      clockTolerance: SKEW_SECONDS,
      currentDate: options.clock(),
    }).catch(() => {
      throw refused('signature, audience, type or time does not fit')
    })
    const { iat = 0, exp = 0, jti = '' } = payload
    if (typeof payload.aud !== 'string') throw refused('it must name one audience')
    if (iat > now + SKEW_SECONDS || exp - iat > LIFE_SECONDS)
      throw refused(`it may live ${LIFE_SECONDS} seconds at most`)
    if (payload.method !== path || payload.request_digest !== digestOf(request))
      throw refused('it was made for another call')
    if (!once(used, `${known.agent}:${createHash('sha256').update(jti).digest('base64url')}`, exp + SKEW_SECONDS, now))
      throw refused('it was used before')
    return { agent: known.agent, id, keyThumbprint: key.thumbprint }
  }
}

/** Remembers a mark until a time (both in seconds); false when it is remembered already. */
export function once(used: Map<string, number>, mark: string, until: number, now: number): boolean {
  for (const [seen, end] of used) {
    if (end >= now) break
    used.delete(seen)
  }
  if (used.has(mark)) return false
  used.set(mark, until)
  return true
}

const refused = (why: string) => unauthenticated('invalid_agent_proof', `The agent proof is refused: ${why}.`)

/** The key that the header names by its thumbprint; without a name, the newest. */
function keyNamed({ keys }: KnownAgent, proof: string): LivingKey | undefined {
  const { kid } = decodeProtectedHeader(proof)
  return kid === undefined ? keys[0] : keys.find(({ thumbprint }) => thumbprint === kid)
}

function claimedIssuer(proof: string): string | undefined {
  try {
    return decodeJwt(proof).iss
  } catch {
    return undefined
  }
}
