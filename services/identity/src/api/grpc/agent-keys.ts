/** An agent changes its key, or says that others know it. */
import { CredenceError, forbidden, invalid } from '@credence/contracts/errors'
import type { PublicJwk } from '@credence/contracts/events/identity'
import { AgentId, Prose } from '@credence/contracts/events/values'
import { type AgentState, livingKeys } from '@credence/contracts/principals/agent'
import { algorithmOf } from '@credence/shared/callers/agent-proof'
import { actorOf } from '@credence/shared/callers/caller'
import { method } from '@credence/shared/rpc/server'
import { calculateJwkThumbprint, errors, type JWTPayload, jwtVerify } from 'jose'
import { z } from 'zod'
import { bindKey, MAX_OVERLAP_SECONDS, rotateKey, withdrawKey } from '../../domain/agent-key.ts'
import type { Context } from '../context.ts'
import { showAgent } from './agent-view.ts'
import { importPublicKey, PublicJwkText } from './schemas.ts'
import { type AgentCaller, asAgent, knownAgent, livingAgent, refuseOtherAgents } from './standing.ts'

const TYPE = 'key-proof+jwt'
const MOST_SECONDS = 60

export const agentKeyMethods = ({ principals, writer, clock, barrier, replay, trustDomain }: Context) => {
  const audience = `spiffe://${trustDomain}/service/identity`

  /** The caller holds the newest key that still counts: one that was replaced must not choose what comes next. */
  function refuseUnlessNewest(caller: AgentCaller, now: Date): void {
    const [newest] = livingKeys(livingAgent(principals, caller.agent, now), now)
    if (newest?.thumbprint !== caller.keyThumbprint)
      throw forbidden(
        'not_the_newest_key',
        'Prove yourself by your newest key: one that was replaced cannot name another.',
      )
  }

  /** Possession of the new key (RFC 7515 signature over who, for whom, after which key, when, once). */
  async function checkProof(proof: string, jwk: PublicJwk, thumbprint: string, caller: AgentCaller): Promise<void> {
    const algorithm = algorithmOf(jwk)
    const { payload } = await jwtVerify(proof, await importPublicKey(jwk), {
      issuer: caller.id,
      subject: caller.id,
      audience,
      typ: TYPE,
      algorithms: [algorithm],
      requiredClaims: ['iat', 'jti'],
      maxTokenAge: MOST_SECONDS,
      currentDate: clock(),
    }).catch((error) => {
      throw invalid('proof', `must be a JWT by the new key: ${reasonOf(error)}`)
    })
    const { jti, aud, previous } = payload as JWTPayload & { previous?: unknown }
    if (typeof aud !== 'string') throw invalid('proof', 'must name one audience')
    if (previous !== caller.keyThumbprint)
      throw invalid('proof', 'must name in "previous" the thumbprint of the key by which the call is made')
    if (typeof jti !== 'string' || jti === '') throw invalid('proof', 'must have a "jti"')
    if (!(await replay.first('key-proof', thumbprint, jti))) throw invalid('proof', 'was used before: make a new one')
  }

  return {
    rotateKey: method({
      allow: ['agent'],
      input: z.object({
        publicJwk: PublicJwkText,
        proof: z.string().min(1, 'must not be empty').max(4_096, 'must be at most 4096 characters'),
        overlapSeconds: z
          .bigint()
          .refine(
            (value) => value >= 0n && value <= BigInt(MAX_OVERLAP_SECONDS),
            `must be from 0 to ${MAX_OVERLAP_SECONDS} seconds`,
          )
          .transform(Number),
      }),
      handle: async ({ publicJwk, proof, overlapSeconds }, anyone) => {
        const caller = asAgent(anyone)
        await barrier()
        const now = clock()
        const id = caller.agent
        const keyThumbprint = await calculateJwkThumbprint(publicJwk)
        await checkProof(proof, publicJwk, keyThumbprint, caller)
        const about = { actor: actorOf(caller), now }
        const decide = (state: AgentState) => {
          refuseUnlessNewest(caller, now)
          return rotateKey(state, { id, publicJwk, keyThumbprint, overlapSeconds }, now)
        }
        // What is refused anyway must not use the key up.
        decide(principals.agent(id))
        await writer.execute(principals.keys, {
          ...about,
          id: keyThumbprint,
          decide: (bound) => bindKey(bound, id, keyThumbprint),
        })
        const { position } = await writer.execute(principals.agents, { ...about, id, decide })
        return { agent: showAgent(knownAgent(principals, id), principals, clock()), position }
      },
    }),
    withdrawKey: method({
      allow: ['security-operator', 'platform', 'agent'],
      input: z.object({
        agentId: AgentId,
        keyThumbprint: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be a JWK SHA-256 thumbprint (RFC 7638)'),
        reason: Prose,
      }),
      handle: async ({ agentId, keyThumbprint, reason }, caller) => {
        refuseOtherAgents(caller, agentId)
        const now = clock()
        const { position } = await writer.execute(principals.agents, {
          id: agentId,
          actor: actorOf(caller),
          now,
          decide: (state) => withdrawKey(state, { id: agentId, thumbprint: keyThumbprint, reason }, now),
        })
        return { agent: showAgent(knownAgent(principals, agentId), principals, clock()), position }
      },
    }),
  }
}

const reasonOf = (error: unknown): string => {
  if (error instanceof CredenceError) return error.message
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired)
    return `"${error.claim}" does not fit${error.claim === 'iat' ? `; it may be ${MOST_SECONDS} seconds old at most` : ''}`
  return 'signature, type or form does not fit'
}
