/** How agents come to be: registered by a platform, one or ten thousand at once, or spawned by another agent. */
import { CredenceError } from '@credence/contracts/errors'
import type { IdentityFact } from '@credence/contracts/events/catalog'
import { AgentId, Labels, Prose, Slug } from '@credence/contracts/events/values'
import type { RegisterAgentsResponse } from '@credence/contracts/gen/credence/identity/v1/identity'
import type { AgentState } from '@credence/contracts/principals/agent'
import { actorOf, type Caller } from '@credence/shared/callers/caller'
import { newId } from '@credence/shared/ids'
import { notBefore, oneOf, waitFor } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { eachAtOnce, streamMethod } from '@credence/shared/rpc/stream'
import { calculateJwkThumbprint } from 'jose'
import { z } from 'zod'
import { type Description, registerAgent, spawnAgent } from '../../domain/agent.ts'
import { bindKey, keyTaken } from '../../domain/agent-key.ts'
import type { Context } from '../context.ts'
import { showAgent } from './agent-view.ts'
import { Described, importPublicKey } from './schemas.ts'
import { asAgent, knownAgent, refuseOtherAgents } from './standing.ts'

const DescriptionInput = z.object({ purpose: Prose, ...Described, labels: Labels })
const RegistrationInput = DescriptionInput.extend({
  blueprint: Slug,
  kind: oneOf('AGENT_KIND_', ['ephemeral', 'continuous']),
  autonomy: oneOf('AGENT_AUTONOMY_', ['delegated', 'autonomous']),
})

/** How many registrations of one streaming call are under way at once. */
const AT_ONCE = 64

type Decide = (state: AgentState, description: Description, now: Date) => IdentityFact[]

export const agentMethods = (context: Context) => {
  const { principals, writer, clock, trustDomain } = context

  /** Binds the key, then makes the agent: of any number who bring one key, on any replica, one gets an agent. */
  async function make(
    blueprint: string,
    { labels, ...input }: z.infer<typeof DescriptionInput>,
    caller: Caller,
    decide: Decide,
  ) {
    const now = clock()
    const about = { actor: actorOf(caller), now }
    const keyThumbprint = await calculateJwkThumbprint(input.publicJwk)
    const named = (agent: string): Description => {
      const spiffeId = `spiffe://${trustDomain}/agent/${blueprint}/${agent}`
      return { ...input, labels, keyThumbprint, agent, spiffeId }
    }
    const wanted = newId('agt')
    // What is refused anyway must not use the key up.
    decide(undefined, named(wanted), now)
    await importPublicKey(input.publicJwk)
    let agent = wanted
    await writer.execute(principals.keys, {
      ...about,
      id: keyThumbprint,
      decide: (bound) => {
        // A registration that broke off here left a key without an agent: the next one goes on with it.
        agent = bound && !principals.agent(bound.agent) ? bound.agent : wanted
        return bindKey(bound, agent, keyThumbprint)
      },
    })
    const description = named(agent)
    const command = { ...about, id: agent, decide: (state: AgentState) => decide(state, description, now) }
    const { position } = await writer.execute(principals.agents, command).catch((error) => {
      throw error instanceof CredenceError && error.reason === 'agent_exists' ? keyTaken() : error
    })
    return { agent: showAgent(knownAgent(principals, agent), principals, clock()), position }
  }

  const register = (input: z.infer<typeof RegistrationInput>, caller: Caller) => {
    const { blueprint, kind, autonomy, ...description } = input
    return make(blueprint, description, caller, (state, described, now) =>
      registerAgent(state, { ...described, blueprint, kind, autonomy }, principals.blueprint(blueprint), now),
    )
  }

  return {
    registerAgent: method({ allow: ['platform'], input: RegistrationInput, handle: register }),
    registerAgents: streamMethod({
      allow: ['platform'],
      input: z.object({
        key: z.string().min(1, 'must not be empty').max(128, 'must be at most 128 characters'),
        registration: RegistrationInput,
      }),
      stream: (inputs, caller, out) =>
        eachAtOnce(inputs, AT_ONCE, async ({ key, registration }) => {
          const outcome = await register(registration, caller).then(
            (value) => ({ $case: 'registered' as const, value }),
            (error: unknown) => ({ $case: 'refused' as const, value: refusal(error) }),
          )
          await out.send({ key, outcome } satisfies RegisterAgentsResponse)
        }),
    }),
    spawnAgent: method({
      allow: ['agent'],
      input: DescriptionInput,
      handle: async (input, caller) => {
        await context.barrier()
        const parent = knownAgent(principals, asAgent(caller).agent)
        return make(parent.blueprint, input, caller, (state, described, now) =>
          spawnAgent(state, described, {
            parent: knownAgent(principals, parent.agent),
            parentEnd: principals.agentEnd(parent.agent, now),
            blueprint: principals.blueprint(parent.blueprint),
            now,
          }),
        )
      },
    }),
    getAgent: method({
      allow: ['platform', 'sponsor', 'security-operator', 'auditor', 'service', 'agent'],
      input: z.object({ agentId: AgentId, notBefore }),
      handle: async (input, caller) => {
        refuseOtherAgents(caller, input.agentId)
        await waitFor(input.notBefore, context.followers)
        const own = context.followers.find(({ stream }) => stream === 'IDENTITY')
        const agent = showAgent(knownAgent(principals, input.agentId), principals, clock())
        return { agent, position: `IDENTITY:${own?.position() ?? 0}` }
      },
    }),
  }
}

/** @throws what is no answer to this one request but a fault of ours */
function refusal(error: unknown): { reason: string; message: string } {
  if (!(error instanceof CredenceError) || error.status === 'internal') throw error
  return { reason: error.reason, message: error.message }
}
