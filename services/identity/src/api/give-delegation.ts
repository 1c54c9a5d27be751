/** A human gives an agent a part of their authority: what the gRPC method, the pages and the answer to a request share. */
import type { SignIn } from '@credence/contracts/events/identity'
import type { Delegation } from '@credence/contracts/principals/delegation'
import { grantDelegation, type Wanted } from '../domain/delegation.ts'
import type { Context } from './context.ts'
import { knownAgent } from './grpc/standing.ts'

export type Giving = {
  human: string
  /** How and when they had signed in; undefined where nobody says. */
  signIn: SignIn | undefined
  agentId: string
  wanted: Wanted
  /** The request that led to it. */
  causation?: string
  /** Tells whether a delegation that has this id already is this very one: it is then not made again. May throw. */
  isSame?: (there: Delegation) => boolean
}

/** @returns the position from which it can be read @throws CredenceError as `grantDelegation` */
export async function giveDelegation(
  { principals, writer, clock }: Pick<Context, 'principals' | 'writer' | 'clock'>,
  { human, signIn, agentId, wanted, causation, isSame }: Giving,
): Promise<string> {
  const { delegation } = wanted
  const now = clock()
  const { position } = await writer.execute(principals.delegations, {
    id: delegation,
    actor: { kind: 'human', id: human },
    correlation: { delegation, human },
    ...(causation ? { causation } : {}),
    now,
    decide: (state) => {
      if (state && isSame?.(state)) return []
      const agent = knownAgent(principals, agentId)
      const agentEnd = principals.agentEnd(agentId, now)
      const blueprint = principals.blueprint(agent.blueprint)
      const to = { agent, agentEnd, blueprint }
      return grantDelegation(state, { ...wanted, signIn }, principals.human(human), to, now)
    },
  })
  return position
}
