/**
 * The subject token of the exchange: a JWT that stands for one delegation. It names in `may_act` the agent that may use
 * it (RFC 8693 §4.4) and carries in `act` the agents that passed it on (§4.1); without that agent's key it is useless.
 */
import { type Delegation, delegationChain } from '@credence/contracts/principals/delegation'
import { type Clock, earliest, later } from '@credence/shared/clock'
import { jwtVerify } from 'jose'
import { z } from 'zod'
import type { Actor, DelegationTokens, Keys } from '../../api/context.ts'
import { MAX_LIFETIME_SECONDS } from '../../domain/delegation.ts'
import type { Principals } from '../../projections/principals.ts'

const TYPE = 'delegation+jwt'

const Claims = z.object({
  jti: z.string(),
  sub: z.string(),
  may_act: z.object({ iss: z.string(), sub: z.string() }),
  act: z.unknown().optional(),
})
export function createDelegationTokens(parts: {
  keys: Keys
  clock: Clock
  issuer: string
  trustDomain: string
  principals: Principals
}): DelegationTokens {
  const { keys, clock, issuer, principals } = parts
  const seconds = (time: Date) => Math.floor(time.getTime() / 1000)
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
      return keys.sign(
        'token',
        { typ: TYPE },
        {
          iss: issuer,
          aud: issuer,
          sub: delegation.human,
          jti: delegation.delegation,
          iat: seconds(clock()),
          // Of a delegation that lasts longer (under a mandate) another token is issued when this one ends.
          exp: seconds(earliest(new Date(delegation.expires_at), later(clock(), MAX_LIFETIME_SECONDS))),
          may_act: name(delegation.agent),
          ...(act ? { act } : {}),
        },
      )
    },
    verify: async (token, now) => {
      const { payload } = await jwtVerify(token, keys.verifier('token'), {
        issuer,
        audience: issuer,
        typ: TYPE,
        algorithms: ['ES256'],
        currentDate: now,
        requiredClaims: ['exp', 'iat'],
      })
      const { jti, sub, may_act, act } = Claims.parse(payload)
      return { delegation: jti, human: sub, mayAct: may_act, act: act as Actor | undefined }
    },
  }
}
