/**
 * The subject token of the exchange: a JWT that stands for one delegation. It names in `may_act` the agent that may use
 * it (RFC 8693 §4.4) and carries in `act` the agents that passed it on (§4.1); without that agent's key it is useless.
 */
import { type Delegation, delegationChain } from '@credence/contracts/principals/delegation'
import type { SigningKey } from '@credence/shared/keys'
import { jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import type { Actor, DelegationTokens } from '../../api/context.ts'
import type { Principals } from '../../projections/principals.ts'

const TYPE = 'delegation+jwt'

const Claims = z.object({
  jti: z.string(),
  sub: z.string(),
  may_act: z.object({ iss: z.string(), sub: z.string() }),
  act: z.unknown().optional(),
})
export function createDelegationTokens(parts: {
  key: SigningKey
  issuer: string
  trustDomain: string
  principals: Principals
}): DelegationTokens {
  const { key, issuer, principals } = parts
  const namespace = `spiffe://${parts.trustDomain}`
  const name = (agent: string) => ({ iss: namespace, sub: principals.agent(agent)?.spiffe_id ?? '' })

  /** The agents above the holder, outermost the one that passed it on last. */
  const actors = (delegation: Delegation): Actor | undefined => {
    const above = (delegationChain(delegation.delegation, principals.delegation) ?? []).slice(1)
    return above.reduceRight<Actor | undefined>(
      (act, { agent }) => ({ ...name(agent), sub_profile: 'ai_agent', ...(act ? { act } : {}) }),
      undefined,
    )
  }

  return {
    issue: (delegation) => {
      const act = actors(delegation)
      return new SignJWT({ may_act: name(delegation.agent), ...(act ? { act } : {}) })
        .setProtectedHeader({ alg: key.algorithm, typ: TYPE, kid: key.keyId })
        .setIssuer(issuer)
        .setAudience(issuer)
        .setSubject(delegation.human)
        .setJti(delegation.delegation)
        .setIssuedAt()
        .setExpirationTime(new Date(delegation.expires_at))
        .sign(key.privateKey)
    },
    verify: async (token, now) => {
      const { payload } = await jwtVerify(token, key.publicKey, {
        issuer,
        audience: issuer,
        typ: TYPE,
        algorithms: [key.algorithm],
        currentDate: now,
        requiredClaims: ['exp', 'iat'],
      })
      const { jti, sub, may_act, act } = Claims.parse(payload)
      return { delegation: jti, human: sub, mayAct: may_act, act: act as Actor | undefined }
    },
  }
}
