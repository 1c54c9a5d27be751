/**
 * Access tokens (RFC 9068): for one resource, bound to a key (RFC 9449 §6), with the actor chain (RFC 8693 §4.1) and
 * what may be done (RFC 9396); and those in which an agent only says who it is, to this server alone.
 */
import { jwtVerify } from 'jose'
import { z } from 'zod'
import type { AccessTokens, Keys, SigningAlgorithm, TokenToIssue } from '../../api/context.ts'
import { Confirmation } from './confirmation.ts'

const TYPE = 'at+jwt'
/** What we sign with (keys name their own algorithm, so none can be confused with another). */
const ALGORITHMS = ['ES256', 'EdDSA', 'RS256']
/** RFC 7591-like classes of draft-mora-oauth-entity-profiles: an agent is a service as well. */
const AGENT_PROFILE = 'service ai_agent'

const Claims = z.object({
  jti: z.string(),
  sub: z.string(),
  aud: z.string(),
  exp: z.number(),
  client_id: z.string(),
  agent_id: z.string(),
  cnf: Confirmation,
})
const Delegated = z.object({
  act: z.unknown().refine((act) => act !== undefined),
  delegation_id: z.string(),
  grant_id: z.string(),
  task_id: z.string(),
  authorization_details: z.array(z.any()),
})

/** @param parts.algorithmFor how tokens for an audience are signed: RFC 9068 §2.1 wants RS256 for those that know no other */
export function createAccessTokens(parts: {
  keys: Keys
  issuer: string
  algorithmFor: (audience: string) => SigningAlgorithm
}): AccessTokens {
  const { keys, issuer } = parts
  return {
    issue: (token, now) => {
      const header = { typ: TYPE, alg: parts.algorithmFor(token.audience) }
      return keys.sign('token', header, claimsOf(token, issuer, now))
    },
    verify: async (token, now) => {
      const { payload } = await jwtVerify(token, keys.verifier('token'), {
        issuer,
        typ: TYPE,
        algorithms: ALGORITHMS,
        currentDate: now,
        requiredClaims: ['iat', 'exp'],
      })
      const { jti, sub, aud, exp, client_id, agent_id, cnf } = Claims.parse(payload)
      const isDelegated = payload.act !== undefined || payload.delegation_id !== undefined
      const held = isDelegated ? Delegated.parse(payload) : undefined
      return {
        token: jti,
        subject: sub,
        audience: aud,
        client: client_id,
        agent: agent_id,
        binding: cnf,
        expiresAt: new Date(exp * 1000),
        delegated: held && {
          act: held.act,
          delegation: held.delegation_id,
          grant: held.grant_id,
          task: held.task_id,
          authorizationDetails: held.authorization_details,
        },
        payload,
      }
    },
  }
}

function claimsOf(token: TokenToIssue, issuer: string, now: Date) {
  const { agent, delegated } = token
  const seconds = (time: Date) => Math.floor(time.getTime() / 1000)
  const about = {
    aud: token.audience,
    jti: token.id,
    iat: seconds(now),
    exp: seconds(token.expiresAt),
    client_id: agent.spiffe_id,
    client_profile: AGENT_PROFILE,
    cnf: token.binding,
    agent_id: agent.agent,
  }
  if (!delegated) return { iss: issuer, sub: agent.spiffe_id, sub_profile: AGENT_PROFILE, ...about }
  return {
    iss: issuer,
    sub: delegated.human,
    sub_profile: 'user',
    ...about,
    act: delegated.act,
    authorization_details: delegated.authorizationDetails,
    grant_id: delegated.grant,
    task_id: delegated.task,
    delegation_id: delegated.delegation,
  }
}
