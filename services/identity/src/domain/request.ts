/** An agent asks a person for authority; the person approves or declines, once, in time. */
import type { AuthorizationDetail } from '@credence/contracts/authority'
import { CredenceError, forbidden, notFound, precondition } from '@credence/contracts/errors'
import type { EventData, Fact, IdentityFact } from '@credence/contracts/events/catalog'
import type { Agent, AgentEnd } from '@credence/contracts/principals/agent'
import type { BlueprintState } from '@credence/contracts/principals/blueprint'
import { refuseInactive } from './agent-life.ts'
import { refuseBeyondBounds, refuseOutside } from './delegation.ts'

export type Request = EventData<'credence.identity.request.made.v1'> & {
  state: 'pending' | 'approved' | 'declined'
  delegation?: string
}
export type RequestState = Request | undefined

export const requestEvolution = { initialState: undefined as RequestState, evolve }

function evolve(state: RequestState, fact: Fact): RequestState {
  if (fact.type === 'credence.identity.request.made.v1') return state ?? { ...fact.data, state: 'pending' }
  // The first answer counts.
  if (state?.state !== 'pending') return state
  if (fact.type === 'credence.identity.request.approved.v1')
    return { ...state, state: 'approved', delegation: fact.data.delegation }
  if (fact.type === 'credence.identity.request.declined.v1') return { ...state, state: 'declined' }
  return state
}

/** How long a person has to answer: ten minutes. */
export const REQUEST_SECONDS = 600
/** How many requests of one agent, and for one person, may wait at a time. */
export const MAX_WAITING = { agent: 3, human: 5 }

export type Ask = {
  request: string
  authorizationDetails: AuthorizationDetail[]
  lifetimeSeconds: number
  maximumDepth: number
  human: string | undefined
  statementDigest: string
  codeDigest: string
}

/** @param context.waiting requests that wait now: of this agent, and for this person (RFC 10027: limit them) */
export function makeRequest(
  state: RequestState,
  ask: Ask,
  context: {
    agent: Agent
    agentEnd: AgentEnd | undefined
    blueprint: BlueprintState
    waiting: { agent: number; human: number }
    now: Date
  },
): IdentityFact[] {
  const { agent, agentEnd, blueprint, waiting, now } = context
  if (state) throw new CredenceError('already_exists', 'request_exists', 'There is a request with this id already.')
  refuseInactive(agent, agentEnd)
  if (agent.autonomy !== 'delegated')
    throw precondition('agent_autonomous', 'This agent works under a mandate of its blueprint; nobody delegates to it.')
  if (!blueprint) throw notFound('blueprint', agent.blueprint)
  refuseBeyondBounds(ask)
  refuseOutside(ask.authorizationDetails, blueprint)
  if (waiting.agent >= MAX_WAITING.agent || waiting.human >= MAX_WAITING.human)
    throw new CredenceError(
      'resource_exhausted',
      'too_many_requests',
      `At most ${MAX_WAITING.agent} requests of an agent and ${MAX_WAITING.human} for a person may wait. Let them be answered first.`,
    )
  const data = {
    request: ask.request,
    agent: agent.agent,
    authorization_details: ask.authorizationDetails,
    lifetime_seconds: ask.lifetimeSeconds,
    maximum_depth: ask.maximumDepth,
    ...(ask.human ? { human: ask.human } : {}),
    statement_digest: ask.statementDigest,
    code_digest: ask.codeDigest,
    expires_at: new Date(now.getTime() + REQUEST_SECONDS * 1000).toISOString(),
  }
  return [{ type: 'credence.identity.request.made.v1', data }]
}

export const requestIsOver = ({ state, expires_at }: Request, now: Date): boolean =>
  state === 'pending' && !(new Date(expires_at) > now)

/** @throws CredenceError when somebody else is asked, or it is answered or over */
function answerable(state: RequestState, id: string, human: string, now: Date): Request {
  if (!state) throw notFound('request', id)
  if (state.human && state.human !== human) throw forbidden('not_asked', 'This request is for somebody else.')
  if (state.state !== 'pending') throw precondition('request_answered', 'The request was answered already.')
  if (requestIsOver(state, now)) throw precondition('request_expired', 'The request is over. The agent can ask again.')
  return state
}

/**
 * The answer, and the fence: of two who approve at once, one is refused here. So it is written before the delegation that
 * it names (`grantDelegation`), or with it; the other way round both delegations would count.
 */
export function approveRequest(
  state: RequestState,
  command: { id: string; human: string; delegation: string },
  now: Date,
): IdentityFact[] {
  const { id, human, delegation } = command
  answerable(state, id, human, now)
  return [{ type: 'credence.identity.request.approved.v1', data: { request: id, human, delegation } }]
}

export function declineRequest(
  state: RequestState,
  command: { id: string; human: string; reported: boolean },
  now: Date,
): IdentityFact[] {
  const { id, human, reported } = command
  answerable(state, id, human, now)
  return [{ type: 'credence.identity.request.declined.v1', data: { request: id, human, reported } }]
}
