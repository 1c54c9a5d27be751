import { forbidden, notFound, precondition } from '@credence/contracts/errors'
import { HumanId, RequestId } from '@credence/contracts/events/values'
import { DelegationRequestState } from '@credence/contracts/gen/credence/identity/v1/identity'
import { actorOf } from '@credence/shared/callers/caller'
import { sha256 } from '@credence/shared/digest'
import { newId } from '@credence/shared/ids'
import { notBefore, seconds, waitFor } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { z } from 'zod'
import { MAX_LIFETIME_SECONDS } from '../../domain/delegation.ts'
import { makeRequest, type Request, type RequestState, requestIsOver } from '../../domain/request.ts'
import { MAX_STATEMENT } from '../../domain/statement.ts'
import type { Requests } from '../../projections/requests.ts'
import type { Context } from '../context.ts'
import type { Statements } from '../people.ts'
import { digestOfCode, newCode, readCode } from '../request-code.ts'
import { handOut } from './delegation-view.ts'
import { Details } from './schemas.ts'

const MAX_WAIT_SECONDS = 30

/** @param parts.people undefined when people cannot sign in here @param parts.issuer where the pages are */
export const requestMethods = (
  context: Context,
  parts: { requests: Requests; people: { statements: Statements } | undefined; issuer: string },
) => {
  const { principals, writer, clock } = context
  const { requests, people, issuer } = parts

  /** One after the other: many at once are counted as many. (What another replica writes in this moment is not seen.) */
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work, work)
    turn = result.catch(() => undefined)
    return result
  }

  return {
    requestDelegation: method({
      allow: ['agent'],
      input: z.object({
        authorizationDetails: Details,
        statement: z.string().max(MAX_STATEMENT, `must be at most ${MAX_STATEMENT} characters`),
        lifetimeSeconds: seconds(MAX_LIFETIME_SECONDS),
        maximumDepth: z.int().min(0, 'must be from 0 to 8').max(8, 'must be from 0 to 8'),
        humanId: z.union([HumanId, z.literal('')], 'must be the pseudonym of a person, or empty'),
        notBefore,
      }),
      handle: async (input, caller) => {
        if (!people) throw precondition('no_pages', 'People cannot sign in here, so nobody could answer.')
        await waitFor(input.notBefore, context.followers)
        const id = caller.kind === 'agent' ? caller.agent : ''
        const human = input.humanId || undefined
        if (human && !principals.human(human)?.active) throw notFound('human', human)
        await context.barrier()
        const now = clock()
        const request = newId('drq')
        const decide = (state: RequestState, codeDigest: string) => {
          const agent = principals.agent(id)
          if (!agent) throw notFound('agent', id)
          const ask = {
            request,
            authorizationDetails: input.authorizationDetails,
            lifetimeSeconds: input.lifetimeSeconds,
            maximumDepth: input.maximumDepth,
            human,
            statementDigest: sha256(input.statement),
            codeDigest,
          }
          const blueprint = principals.blueprint(agent.blueprint)
          const waiting = requests.waiting(id, human, now)
          return makeRequest(state, ask, { agent, agentEnd: principals.agentEnd(id, now), blueprint, waiting, now })
        }
        // Before the slow hash and the store: whoever may not ask costs nothing.
        decide(undefined, '')
        const code = newCode()
        const codeDigest = await digestOfCode(readCode(code) ?? '', issuer)
        await people.statements.keep(request, input.statement)
        const { position } = await inTurn(() =>
          writer.execute(requests.requests, {
            id: request,
            actor: actorOf(caller),
            ...(human ? { correlation: { human } } : {}),
            now,
            decide: (state) => decide(state, codeDigest),
          }),
        )
        const { expires_at } = known(requests, request)
        return {
          requestId: request,
          userCode: code,
          verificationUri: `${issuer}/requests`,
          expiresAt: new Date(expires_at),
          position,
        }
      },
    }),
    awaitDelegation: method({
      allow: ['agent'],
      input: z.object({
        requestId: RequestId,
        waitSeconds: z
          .int()
          .min(0, `must be from 0 to ${MAX_WAIT_SECONDS}`)
          .max(MAX_WAIT_SECONDS, `must be from 0 to ${MAX_WAIT_SECONDS}`),
      }),
      handle: async ({ requestId, waitSeconds }, caller) => {
        const request = known(requests, requestId)
        if (caller.kind !== 'agent' || request.agent !== caller.agent)
          throw forbidden('request_of_another_agent', 'Only the agent that asked may wait for the answer.')
        const left = Math.min(waitSeconds * 1_000, Date.parse(request.expires_at) - clock().getTime())
        if (request.state === 'pending' && left > 0) await requests.answered(requestId, left)
        return answer(known(requests, requestId))
      },
    }),
  }

  async function answer(request: Request) {
    const position = `IDENTITY:${context.followers.find(({ stream }) => stream === 'IDENTITY')?.position() ?? 0}`
    const nothing = { delegation: undefined, delegationToken: '', position }
    if (request.state === 'declined')
      return { ...nothing, state: DelegationRequestState.DELEGATION_REQUEST_STATE_DECLINED }
    if (request.state === 'approved' && request.delegation) {
      const { delegation, delegationToken } = await handOut(context, request.delegation)
      const state = DelegationRequestState.DELEGATION_REQUEST_STATE_APPROVED
      return { state, delegation, delegationToken, position }
    }
    const over = requestIsOver(request, clock())
    const state = over
      ? DelegationRequestState.DELEGATION_REQUEST_STATE_EXPIRED
      : DelegationRequestState.DELEGATION_REQUEST_STATE_PENDING
    return { ...nothing, state }
  }
}

function known(requests: Requests, id: string): Request {
  const found = requests.get(id)
  if (!found) throw notFound('request', id)
  return found
}
