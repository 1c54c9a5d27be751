/** What a person's answer to a request brings about. */
import type { AuthorizationDetail } from '@credence/contracts/authority'
import { isNarrower } from '@credence/contracts/authority'
import { CredenceError, forbidden, invalid, notFound, precondition } from '@credence/contracts/errors'
import type { SignIn } from '@credence/contracts/events/identity'
import { revokeDelegation } from '../domain/delegation.ts'
import { approveRequest, declineRequest, type Request } from '../domain/request.ts'
import type { Requests } from '../projections/requests.ts'
import type { Context } from './context.ts'
import { giveDelegation } from './give-delegation.ts'

type Parts = Pick<Context, 'principals' | 'writer' | 'clock'> & { requests: Requests }

/** The delegation that answers a request has its number: approving twice, or on two replicas, makes one. */
export const delegationOf = (request: string): string => `dlg_${request.slice(request.indexOf('_') + 1)}`

export type Approval = {
  request: string
  human: string
  /** How and when they had signed in. */
  signIn: SignIn | undefined
  details: AuthorizationDetail[]
  lifetimeSeconds: number
  maximumDepth: number
}

/**
 * The delegation first, then the answer that names it: an agent never sees an approval without authority behind it.
 * @returns the delegation's id
 */
export async function approve(parts: Parts, approval: Approval): Promise<string> {
  const { principals, writer, clock, requests } = parts
  const { request: id, human, details } = approval
  const now = clock()
  const asked = requests.get(id)
  const delegation = delegationOf(id)
  approveRequest(asked, { id, human, delegation }, now)
  refuseWider(approval, asked)
  const actor = { kind: 'human' as const, id: human }
  const about = { actor, correlation: { delegation, human }, causation: id, now }
  const agent = principals.agent(asked?.agent ?? '')
  if (!agent) throw notFound('agent', asked?.agent ?? '')
  const blueprint = principals.blueprint(agent.blueprint)
  const wanted = {
    delegation,
    authorizationDetails: details,
    purpose: blueprint?.purpose ?? 'Asked for by the agent',
    lifetimeSeconds: approval.lifetimeSeconds,
    maximumDepth: approval.maximumDepth,
    narrow: false,
    request: id,
  }
  await giveDelegation(parts, {
    human,
    signIn: approval.signIn,
    agentId: agent.agent,
    wanted,
    causation: id,
    isSame: (there) => {
      if (there.human === human && there.request === id) return true
      throw precondition('request_answered', 'The request was answered already.')
    },
  })
  try {
    await writer.execute(requests.requests, {
      ...about,
      id,
      decide: (state) => approveRequest(state, { id, human, delegation }, now),
    })
  } catch (error) {
    await takeBack(parts, delegation, human)
    throw error
  }
  return delegation
}

/** It was declined, or approved by another click, in the same moment. An approval that stands keeps its delegation. */
async function takeBack(
  { principals, writer, clock, requests }: Parts,
  delegation: string,
  human: string,
): Promise<void> {
  const request = requests.get(principals.delegation(delegation)?.request ?? '')
  if (request?.state === 'approved') return
  await writer.execute(principals.delegations, {
    id: delegation,
    actor: { kind: 'human', id: human },
    correlation: { delegation, human },
    causation: request?.request,
    now: clock(),
    decide: (state) => (state ? revokeDelegation(state, delegation, 'The request was not approved') : []),
  })
}

function refuseWider({ details, lifetimeSeconds, maximumDepth }: Approval, asked: Request | undefined): void {
  if (!asked) return
  if (details.length === 0)
    throw invalid('answer', 'nothing is ticked, so nothing would be given; tick something, or decline')
  if (!isNarrower(details, asked.authorization_details))
    throw forbidden('wider_than_asked', 'More was ticked than the agent asked for.')
  if (lifetimeSeconds > asked.lifetime_seconds) throw invalid('seconds', 'must not be longer than was asked')
  if (maximumDepth > asked.maximum_depth) throw invalid('depth', 'must not be deeper than was asked')
}

/** @param reported the person did not expect it, and security is to know */
export async function decline(
  parts: Parts,
  answer: { request: string; human: string; reported: boolean },
): Promise<void> {
  const { request: id, human, reported } = answer
  if (parts.principals.delegation(delegationOf(id)))
    throw new CredenceError(
      'failed_precondition',
      'request_answered',
      'The request was approved already. End the delegation if it should not stand.',
    )
  const now = parts.clock()
  await parts.writer.execute(parts.requests.requests, {
    id,
    actor: { kind: 'human', id: human },
    correlation: { human },
    now,
    decide: (state) => declineRequest(state, { id, human, reported }, now),
  })
}
