/**
 * The subject token of the exchange: a JWT that stands for one delegation. It names in `may_act` the agent that may use
 * it (RFC 8693 §4.4) and carries in `act` the agents that passed it on (§4.1); without that agent's key it is useless.
 */
import { type Clock, earliest, later } from '@credence/shared/clock'
import { jwtVerify } from 'jose'
import { z } from 'zod'
import type { DelegationTokens, Keys } from '../../api/context.ts'
import { MAX_LIFETIME_SECONDS } from '../../domain/delegation.ts'
import type { Actors } from '../../projections/actors.ts'
import { Confirmation } from './confirmation.ts'

const TYPE = 'delegation+jwt'

const Claims = z.object({
  jti: z.string(),
  sub: z.string(),
  exp: z.number(),
  may_act: z.object({ iss: z.string(), sub: z.string() }),
  act: z.unknown().optional(),
  cnf: Confirmation.optional(),
})

export function createDelegationTokens(parts: {
  keys: Keys
  clock: Clock
  issuer: string
  actors: Actors
}): DelegationTokens {
  const { keys, clock, issuer, actors } = parts
  const seconds = (time: Date) => Math.floor(time.getTime() / 1000)

  return {
    issue: (delegation) => {
      const act = actors.above(delegation)
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
          may_act: actors.name(delegation.agent),
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
      const { jti, sub, exp, may_act, act, cnf } = Claims.parse(payload)
      return {
        delegation: jti,
        human: sub,
        mayAct: may_act,
        act,
        binding: cnf,
        expiresAt: new Date(exp * 1000),
        payload,
      }
    },
  }
}
