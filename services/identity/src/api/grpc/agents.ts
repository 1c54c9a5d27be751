import { CredenceError, forbidden, notFound } from '@credence/contracts/errors'
import { AgentId, Labels, Prose, Slug } from '@credence/contracts/events/values'
import type { AgentAutonomy, AgentKind, AgentState } from '@credence/contracts/gen/credence/identity/v1/identity'
import type { Agent } from '@credence/contracts/principals/agent'
import { actorOf } from '@credence/shared/callers/caller'
import { newId } from '@credence/shared/ids'
import { enumName, notBefore, oneOf, waitFor } from '@credence/shared/rpc/fields'
import { method } from '@credence/shared/rpc/server'
import { calculateJwkThumbprint } from 'jose'
import { z } from 'zod'
import { type Description, registerAgent, spawnAgent } from '../../domain/agent.ts'
import { revokeAgent } from '../../domain/agent-life.ts'
import type { Context } from '../context.ts'
import { Described } from './schemas.ts'

const DescriptionInput = z.object({ purpose: Prose, ...Described, labels: Labels })

export const agentMethods = (context: Context) => {
  const { principals, writer, clock, trustDomain } = context

  async function describe(blueprint: string, input: z.infer<typeof DescriptionInput>): Promise<Description> {
    const agent = newId('agt')
    const keyThumbprint = await calculateJwkThumbprint(input.publicJwk)
    if (principals.keyIsTaken(keyThumbprint))
      throw new CredenceError(
        'already_exists',
        'key_taken',
        'public_jwk: this key belongs to an agent already; each agent makes its own.',
      )
    const { purpose, model, promptDigest, toolManifestDigest, publicJwk, lifetimeSeconds, labels } = input
    const spiffeId = `spiffe://${trustDomain}/agent/${blueprint}/${agent}`
    return {
      agent,
      spiffeId,
      purpose,
      model,
      promptDigest,
      toolManifestDigest,
      publicJwk,
      keyThumbprint,
      lifetimeSeconds,
      labels,
    }
  }
  const known = (id: string): Agent => {
    const found = principals.agent(id)
    if (!found) throw notFound('agent', id)
    return found
  }
  const show = (agent: Agent) => {
    const end = principals.agentEnd(agent.agent, clock())
    return shown(agent, end === 'agent_expired' ? 'expired' : end ? 'revoked' : agent.state)
  }

  return {
    registerAgent: method({
      allow: ['platform'],
      input: DescriptionInput.extend({
        blueprint: Slug,
        kind: oneOf('AGENT_KIND_', ['ephemeral', 'continuous']),
        autonomy: oneOf('AGENT_AUTONOMY_', ['delegated', 'autonomous']),
      }),
      handle: async (input, caller) => {
        const now = clock()
        const { blueprint, kind, autonomy } = input
        const registration = { ...(await describe(blueprint, input)), blueprint, kind, autonomy }
        const { position } = await writer.execute(principals.agents, {
          id: registration.agent,
          actor: actorOf(caller),
          now,
          decide: (state) => registerAgent(state, registration, principals.blueprint(blueprint), now),
        })
        return { agent: show(known(registration.agent)), position }
      },
    }),
    spawnAgent: method({
      allow: ['agent'],
      input: DescriptionInput,
      handle: async (input, caller) => {
        const now = clock()
        const parent = known(caller.kind === 'agent' ? caller.agent : '')
        const description = await describe(parent.blueprint, input)
        const { position } = await writer.execute(principals.agents, {
          id: description.agent,
          actor: actorOf(caller),
          now,
          decide: (state) =>
            spawnAgent(state, description, {
              parent: known(parent.agent),
              parentEnd: principals.agentEnd(parent.agent, now),
              blueprint: principals.blueprint(parent.blueprint),
              now,
            }),
        })
        return { agent: show(known(description.agent)), position }
      },
    }),
    getAgent: method({
      allow: ['platform', 'sponsor', 'security-operator', 'auditor', 'service', 'agent'],
      input: z.object({ agentId: AgentId, notBefore }),
      handle: async (input, caller) => {
        if (caller.kind === 'agent' && caller.agent !== input.agentId)
          throw forbidden('not_yourself', 'An agent may read itself only.')
        await waitFor(input.notBefore, context.followers)
        const own = context.followers.find(({ stream }) => stream === 'IDENTITY')
        return { agent: show(known(input.agentId)), position: `IDENTITY:${own?.position() ?? 0}` }
      },
    }),
    revokeAgent: method({
      allow: ['security-operator', 'sponsor'],
      input: z.object({ agentId: AgentId, reason: Prose }),
      handle: async ({ agentId, reason }, caller) => {
        const { sponsor } = known(agentId)
        if (!caller.roles.has('security-operator') && sponsor !== caller.id)
          throw forbidden('not_your_agent', 'A sponsor may end only the agents that they answer for.')
        let position = ''
        const ended = principals.withDescendants(agentId)
        for (const id of ended) {
          const command = { id, actor: actorOf(caller), causation: agentId, now: clock() }
          const written = await writer.execute(principals.agents, {
            ...command,
            decide: (state) => revokeAgent(state, id, reason),
          })
          position = written.position
        }
        return { endedAgentIds: ended, position }
      },
    }),
  }
}

const shown = (agent: Agent, state: Agent['state']) => ({
  id: agent.agent,
  spiffeId: agent.spiffe_id,
  blueprint: agent.blueprint,
  purpose: agent.purpose,
  sponsor: agent.sponsor,
  owner: agent.owner,
  state: enumName<AgentState>('AGENT_STATE_', state),
  kind: enumName<AgentKind>('AGENT_KIND_', agent.kind),
  autonomy: enumName<AgentAutonomy>('AGENT_AUTONOMY_', agent.autonomy),
  model: agent.model,
  promptDigest: agent.prompt_digest,
  toolManifestDigest: agent.tool_manifest_digest,
  parent: agent.parent ?? '',
  keyThumbprint: agent.key_thumbprint,
  expiresAt: new Date(agent.expires_at),
  labels: agent.labels ?? {},
  lastUsedAt: undefined,
  earlierKeyThumbprint: agent.earlierKey?.thumbprint ?? '',
})
