/**
 * The subject token of an exchange (RFC 8693 §2.1), of three kinds; what it says decides, not which parameters came
 * with it:
 *
 * - a delegation token: its `may_act` names the agent that may use it (§4.4);
 * - an access token of this server with an actor in it: the actor itself goes on with it (actor profile,
 *   "Continuation"), or one that holds a delegation from that actor takes it up ("Rebind");
 * - an access token (RFC 9068) of a person, from the enterprise's identity provider: the person's own delegation to this
 *   agent is the consent on which it acts.
 */
import type { AuthorizationDetail } from '@credence/contracts/authority'
import { CredenceError } from '@credence/contracts/errors'
import { type Actor, faultOf, isSameChain } from '@credence/contracts/principals/actor'
import type { Agent } from '@credence/contracts/principals/agent'
import type { Delegation } from '@credence/contracts/principals/delegation'
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose'
import type { Binding } from '../../domain/binding.ts'
import { tokenEnd } from '../../domain/token-life.ts'
import type { AccessClaims, DelegationClaims } from '../context.ts'
import type { ExchangeRequest } from './exchange-request.ts'
import { invalidRequest, refuse } from './oauth-error.ts'
import { TOKEN_TYPE, type TokenParts } from './token-endpoint.ts'

export type SubjectToken =
  | { kind: 'delegation'; claims: DelegationClaims }
  | { kind: 'access'; claims: AccessClaims }
  | { kind: 'person'; human: string | undefined; payload: JWTPayload }

/** What a token may be made of. */
export type Basis = {
  delegation: Delegation
  /** Of the token to come: this agent outermost. */
  act: Actor
  expiresAt?: Date
  /** What has to be proved. */
  binding?: Binding
  /** Of an access token that is exchanged: never more than it said, and under its grant. */
  details?: AuthorizationDetail[]
  grant?: string
  token?: string
}

const unusable = (reason: string, why: string) => invalidRequest(reason, `subject_token: ${why}`)
const unauthorized = (reason: string, why: string) => refuse('actor_unauthorized', reason, why)

/** Checks signature, issuer, type and time. @throws Refused `invalid_request` (RFC 8693 §2.2.2) */
export async function readSubject(
  parts: TokenParts,
  { value, type }: ExchangeRequest['subject'],
): Promise<SubjectToken> {
  const { typ, iss } = claimed(value)
  const now = parts.clock()
  const giveUp = (error: unknown): never => {
    if (error instanceof CredenceError && error.status !== 'unauthenticated') throw error
    throw unusable('subject_token_invalid', 'is not a valid token, or has expired')
  }
  if (typ === 'delegation+jwt') {
    if (type !== TOKEN_TYPE.jwt) throw unusable('other_type', `is a delegation token: ${TOKEN_TYPE.jwt}`)
    return { kind: 'delegation', claims: await parts.delegationTokens.verify(value, now).catch(giveUp) }
  }
  if (typ === 'at+jwt') {
    if (type !== TOKEN_TYPE.access) throw unusable('other_type', `is an access token: ${TOKEN_TYPE.access}`)
    if (iss === parts.issuer)
      return { kind: 'access', claims: await parts.accessTokens.verify(value, now).catch(giveUp) }
    if (iss !== undefined && parts.people.issuers.includes(iss)) {
      const human = await parts.people.verify(value).catch(giveUp)
      return { kind: 'person', human, payload: decodeJwt(value) }
    }
  }
  throw unusable('subject_token_invalid', 'is neither a delegation token nor an access token that counts here')
}

/** What the token says of itself, to choose who checks it; nothing is believed yet. RFC 9068 §4: the prefix may be there. */
function claimed(token: string): { typ?: string | undefined; iss?: string | undefined } {
  try {
    const typ = decodeProtectedHeader(token)
      .typ?.toLowerCase()
      .replace(/^application\//, '')
    return { typ, iss: decodeJwt(token).iss }
  } catch {
    return {}
  }
}

/** From what the token says and the delegation tree knows to what a new token may rest on. @throws Refused */
export function basisOf(
  parts: TokenParts,
  subject: SubjectToken,
  { delegationId, grantId, actor }: ExchangeRequest,
  agent: Agent,
): Basis {
  const asked = { delegationId, grantId, hasActor: actor !== undefined }
  const basis =
    subject.kind === 'delegation'
      ? fromDelegation(parts, subject.claims, agent)
      : subject.kind === 'access'
        ? fromAccess(parts, subject.claims, agent, asked)
        : fromPerson(parts, subject, agent, asked)
  if (delegationId !== undefined && delegationId !== basis.delegation.delegation)
    throw invalidRequest('other_delegation', 'delegation_id: is not the delegation of the subject token')
  if (!isSameChain(basis.act, parts.actors.of(basis.delegation)))
    throw unusable('other_chain', 'its actors are not those that the delegation went through')
  return basis
}

type Asked = { delegationId: string | undefined; grantId: string | undefined; hasActor: boolean }

const outermost = (parts: TokenParts, agent: Agent, act: Actor | undefined): Actor => ({
  iss: parts.actors.namespace,
  sub: agent.spiffe_id,
  sub_profile: 'ai_agent',
  ...(act ? { act } : {}),
})

function fromDelegation(parts: TokenParts, claims: DelegationClaims, agent: Agent): Basis {
  refuseOther(parts, claims.mayAct, agent)
  const { act, binding } = claims
  const delegation = parts.principals.delegation(claims.delegation)
  if (!delegation || delegation.human !== claims.human)
    throw unusable('delegation_unknown', 'names no delegation that is known here')
  const chain = outermost(parts, agent, checked(act))
  refuseFault(chain)
  return { delegation, act: chain, expiresAt: claims.expiresAt, ...(binding ? { binding } : {}) }
}

/** RFC 8693 §4.4: by namespace and name; another namespace is another agent, whatever its name. */
function refuseOther(parts: TokenParts, mayAct: { iss?: unknown; sub?: unknown }, agent: Agent): void {
  if (mayAct.iss !== parts.actors.namespace || mayAct.sub !== agent.spiffe_id)
    throw unauthorized('delegation_of_another_agent', 'The subject token names another agent in may_act.')
}

const checked = (act: unknown): Actor | undefined => {
  refuseFault(act)
  return act as Actor | undefined
}

function refuseFault(act: unknown): void {
  const fault = faultOf(act)
  if (fault === 'act_too_deep') throw unusable(fault, 'its chain of actors is too long')
  if (fault) throw unusable(fault, 'each of its actors needs iss and sub')
}

function fromAccess(parts: TokenParts, claims: AccessClaims, agent: Agent, asked: Asked): Basis {
  const { delegated, binding, expiresAt } = claims
  if (!delegated) throw unusable('subject_not_delegated', 'says only who an agent is: nobody delegated anything in it')
  const act = checked(delegated.act)
  const delegation = parts.principals.delegation(delegated.delegation)
  const end = endOf(parts, claims)
  if (end || !act || !delegation) throw unusable(end ?? 'delegation_unknown', 'counts no longer')
  if (delegation.human !== claims.subject || !isSameChain(act, parts.actors.of(delegation)))
    throw unusable('other_chain', 'its actors are not those that the delegation went through')
  const details = delegated.authorizationDetails
  const isMine = act.iss === parts.actors.namespace && act.sub === agent.spiffe_id
  if (!isMine) return { ...takeUp(parts, { delegation, act, details, expiresAt }, agent, asked), token: claims.token }
  if (asked.grantId !== undefined && asked.grantId !== delegated.grant)
    throw invalidRequest('other_grant', 'grant_id: is not the grant of the subject token')
  return { delegation, act, expiresAt, binding, details, grant: delegated.grant, token: claims.token }
}

/** Why an access token of ours counts no more. */
export function endOf(
  parts: Pick<TokenParts, 'principals' | 'grants' | 'revokedTokens' | 'clock'>,
  claims: AccessClaims,
) {
  const { principals } = parts
  const { delegated, binding } = claims
  const now = parts.clock()
  return tokenEnd({
    revoked: parts.revokedTokens.has(claims.token),
    agent: principals.agent(claims.agent),
    agentEnd: principals.agentEnd(claims.agent, now),
    binding,
    delegated: delegated && {
      delegationEnd: principals.delegationEnd(delegated.delegation, now),
      grant: parts.grants.get(delegated.grant),
    },
    now,
  })
}

/** Authority moves by delegations only: another agent needs one from the actor of the token, and says who it is. */
function takeUp(
  parts: TokenParts,
  from: { delegation: Delegation; act: Actor; details: AuthorizationDetail[]; expiresAt: Date },
  agent: Agent,
  asked: Asked,
): Basis {
  if (!asked.hasActor)
    throw unauthorized(
      'other_presenter',
      'The subject token is of another actor, and no actor_token says who takes it up.',
    )
  const { act, details, expiresAt } = from
  const passedOn = living(parts, agent).filter(({ parent }) => parent === from.delegation.delegation)
  const delegation = chosen(passedOn, asked)
  return { delegation, act: outermost(parts, agent, act), details, expiresAt }
}

function fromPerson(
  parts: TokenParts,
  { human, payload }: Extract<SubjectToken, { kind: 'person' }>,
  agent: Agent,
  asked: Asked,
): Basis {
  if (payload.act !== undefined)
    throw unusable('foreign_chain', 'has actors of another server, who are not known here and must not be dropped')
  if (payload.may_act !== undefined) refuseOther(parts, Object(payload.may_act), agent)
  if (payload.cnf !== undefined && !asked.hasActor)
    throw refuse('invalid_dpop_proof', 'subject_bound', 'The subject token is bound to a key: send an actor_token.')
  const given = living(parts, agent).filter(
    (delegation) => delegation.human === human && delegation.parent === undefined && delegation.mandate === undefined,
  )
  const delegation = chosen(given, asked)
  const act = parts.actors.of(delegation)
  if (!act) throw unusable('delegation_unknown', 'names no delegation that is known here')
  return { delegation, act, expiresAt: new Date((payload.exp ?? 0) * 1000) }
}

/** Delegations of this agent that count. */
function living(parts: TokenParts, agent: Agent): Delegation[] {
  const now = parts.clock()
  return parts.principals
    .delegationsOf(agent.agent)
    .filter((id) => parts.principals.delegationEnd(id, now) === undefined)
    .flatMap((id) => parts.principals.delegation(id) ?? [])
}

function chosen(delegations: Delegation[], { delegationId }: Asked): Delegation {
  const fitting = delegations.filter(({ delegation }) => delegationId === undefined || delegation === delegationId)
  const [only, another] = fitting
  if (!only) throw unauthorized('no_delegation', 'There is no delegation that counts from that subject to this agent.')
  if (another) throw invalidRequest('ambiguous', 'delegation_id: name which delegation; there are several')
  return only
}
