import { type Agent, agentEnd, agentEvolution } from '@credence/contracts/principals/agent'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { DIGEST, hours, NOW } from '../../../../infra/testing/facts.ts'
import { given } from '../../../../infra/testing/given.ts'
import { type Registration, registerAgent, spawnAgent } from './agent.ts'
import { activateAgent } from './attested-life.ts'

const blueprint = facts.folded()
const known = facts.agent({ expires_at: hours(8) })
const registered = facts.registered(known)
const active = facts.activated(known.agent, hours(2))
const revoked = facts.agentRevoked(known.agent)
const command = (part: Partial<Registration> = {}): Registration => ({
  agent: known.agent,
  spiffeId: known.spiffe_id,
  blueprint: blueprint.blueprint,
  kind: 'ephemeral',
  autonomy: 'delegated',
  purpose: 'Books meetings',
  model: { provider: 'acme', name: 'small', version: '1', digest: DIGEST },
  promptDigest: DIGEST,
  toolManifestDigest: DIGEST,
  publicJwk: known.public_jwk,
  keyThumbprint: known.key_thumbprint,
  lifetimeSeconds: 3_600,
  labels: {},
  ...part,
})
const agents = (...history: Parameters<typeof given>[1] & object) => given(agentEvolution, history)

describe('registering an agent', () => {
  const register = (part: Partial<Registration> = {}, of: typeof blueprint | undefined = blueprint) =>
    agents().when((state) => registerAgent(state, command(part), of, NOW))

  it('takes sponsor, owner and spawn depth from the blueprint, and ends after its lifetime', () => {
    const { sponsor, owner } = blueprint
    register().thenFacts({
      type: 'credence.identity.agent.registered.v1',
      data: { agent: known.agent, sponsor, owner, spawn_depth_left: 2, expires_at: hours(1) },
    })
  })
  it('refuses an unknown blueprint', () =>
    agents()
      .when((state) => registerAgent(state, command(), undefined, NOW))
      .thenRefused('blueprint_not_found'))
  it('refuses a blueprint that was withdrawn', () =>
    register({}, facts.folded({ withdrawn: true })).thenRefused('blueprint_withdrawn'))
  it('refuses a model that the blueprint does not allow', () =>
    register({ model: { ...command().model, name: 'large' } }).thenRefused('invalid_field', 'model'))
  it('refuses a life longer than the blueprint’s', () =>
    register({ lifetimeSeconds: 86_401 }).thenRefused('invalid_field', 'lifetime_seconds'))
  it('keeps labels, when there are any', () => {
    register({ labels: { team: 'sales' } }).thenFacts({
      type: 'credence.identity.agent.registered.v1',
      data: { labels: { team: 'sales' } },
    })
    expect(registerAgent(undefined, command(), blueprint, NOW)[0]?.data).not.toHaveProperty('labels')
  })
  it('gives an id once', () =>
    agents(registered)
      .when((state) => registerAgent(state, command(), blueprint, NOW))
      .thenRefused('agent_exists'))
})

describe('spawning', () => {
  const parent: Agent = { ...known, state: 'active' }
  const spawn = (part: Partial<Registration> = {}, context: Partial<Parameters<typeof spawnAgent>[2]> = {}) =>
    agents().when((state) =>
      spawnAgent(state, command({ agent: 'agt_child', ...part }), {
        parent,
        parentEnd: undefined,
        blueprint,
        now: NOW,
        ...context,
      }),
    )

  it('makes a child of the same people, with one generation less', () => {
    const { sponsor, owner } = parent
    spawn().thenFacts({
      type: 'credence.identity.agent.registered.v1',
      data: { parent: parent.agent, sponsor, owner, spawn_depth_left: 1 },
    })
  })
  it('is for active agents', () =>
    spawn({}, { parent: { ...parent, state: 'registered' } }).thenRefused('agent_not_active'))
  it('is not for agents that are held', () => {
    spawn({}, { parent: { ...parent, state: 'suspended' } }).thenRefused('agent_suspended')
    spawn({}, { parent: { ...parent, state: 'quarantined' } }).thenRefused('agent_quarantined')
  })
  it('needs the blueprint', () => spawn({}, { blueprint: undefined }).thenRefused('blueprint_not_found'))
  it('gives an id once, and only models of the blueprint', () => {
    spawn({ model: { ...command().model, name: 'large' } }).thenRefused('invalid_field', 'model')
    agents(registered)
      .when((state) => spawnAgent(state, command(), { parent, parentEnd: undefined, blueprint, now: NOW }))
      .thenRefused('agent_exists')
  })
  it('gives a life beyond the parent’s where the blueprint lets children survive, never beyond the blueprint’s', () => {
    const surviving = { blueprint: facts.folded({ children_survive: true }) }
    spawn({ lifetimeSeconds: 8 * 3_600 + 1 }, surviving).thenFacts({
      type: 'credence.identity.agent.registered.v1',
      data: { survives_parent: true, parent: parent.agent },
    })
    spawn({ lifetimeSeconds: 86_401 }, surviving).thenRefused('invalid_field', 'lifetime_seconds')
  })
  it('is not for agents that have ended', () => spawn({}, { parentEnd: 'parent_ended' }).thenRefused('parent_ended'))
  it('ends at the blueprint’s depth', () =>
    spawn({}, { parent: { ...parent, spawn_depth_left: 0 } }).thenRefused('depth_exhausted'))
  it('gives no life beyond the parent’s', () =>
    spawn({ lifetimeSeconds: 8 * 3_600 + 1 }).thenRefused('invalid_field', 'lifetime_seconds'))
})

describe('the life of an agent', () => {
  const result = {
    id: 'att_2',
    expiresAt: hours(3),
    keyThumbprint: known.key_thumbprint,
    position: 'ATTESTATION:7',
  }
  it('becomes active by a result', () =>
    agents(registered)
      .when((state) => activateAgent(state, result, NOW))
      .thenFacts({ type: 'credence.identity.agent.activated.v1', data: { result: 'att_2' } }))
  it('takes the same result once', () => {
    const once = {
      type: 'credence.identity.agent.activated.v1',
      data: { agent: known.agent, result: 'att_2', result_expires_at: hours(3) },
    } as const
    agents(registered, once)
      .when((state) => activateAgent(state, result, NOW))
      .thenNothing()
  })
  it('is renewed by a newer one', () =>
    agents(registered, active)
      .when((state) => activateAgent(state, result, NOW))
      .thenFacts({ type: 'credence.identity.agent.activated.v1' }))
  it('does not come back from revocation', () =>
    agents(registered, active, revoked)
      .when((state) => activateAgent(state, result, NOW))
      .thenNothing())
  it('is not made by a result for nobody', () =>
    agents()
      .when((state) => activateAgent(state, result, NOW))
      .thenNothing())
})

const never = () => false
const REASON = { agent: known.agent, reason: 'test' }
const SUSPENDED = { ...REASON, cause: 'operator' as const }

describe('the end of an agent', () => {
  const fold = (...history: Parameters<typeof given>[1] & object) =>
    history.reduce(agentEvolution.evolve, agentEvolution.initialState)
  const child = facts.agent({ parent: known.agent, expires_at: hours(8) })
  const world = (parent: ReturnType<typeof fold>) => (id: string) =>
    id === child.agent
      ? fold(facts.registered(child), facts.activated(child.agent, hours(2)))
      : id === known.agent
        ? parent
        : undefined

  it('comes by time, by revocation, and from above', () => {
    expect(agentEnd(child.agent, world(fold(registered, active)), NOW, never)).toBeUndefined()
    expect(agentEnd(child.agent, world(fold(registered, active, revoked)), NOW, never)).toBe('parent_ended')
    expect(agentEnd(child.agent, world(undefined), NOW, never)).toBe('parent_ended')
    expect(agentEnd(known.agent, world(fold(registered, revoked)), NOW, never)).toBe('agent_revoked')
    expect(agentEnd(known.agent, world(fold(registered)), new Date(hours(8)), never)).toBe('agent_expired')
    expect(agentEnd('agt_x', world(undefined), NOW, never)).toBe('agent_unknown')
  })
  it('comes with the blueprint, at any depth, and goes when it is restored', () => {
    const withdrawn = () => true
    expect(agentEnd(known.agent, world(fold(registered)), NOW, withdrawn)).toBe('blueprint_withdrawn')
    expect(agentEnd(child.agent, world(fold(registered)), NOW, withdrawn)).toBe('blueprint_withdrawn')
    expect(agentEnd(known.agent, world(fold(registered)), NOW, never)).toBeUndefined()
  })
  it('does not come from a parent that it survives', () => {
    const survivor = { ...child, state: 'active' as const, survives_parent: true }
    const find = (id: string) => (id === survivor.agent ? survivor : fold(registered, revoked))
    expect(agentEnd(survivor.agent, find, NOW, never)).toBeUndefined()
  })
  it('is not a hold: a suspended parent ends no child', () => {
    const held = fold(registered, facts.fact('credence.identity.agent.suspended.v1', SUSPENDED))
    expect(agentEnd(child.agent, world(held), NOW, never)).toBeUndefined()
  })
  it('is there when its time cannot be read', () => {
    const odd = () => ({ ...known, state: 'active' as const, expires_at: 'soon' })
    expect(agentEnd(known.agent, odd, NOW, never)).toBe('agent_expired')
  })
  it('is final: neither a second registration nor anything else is heard after it', () => {
    const again = fold(
      registered,
      revoked,
      registered,
      active,
      facts.fact('credence.identity.agent.restored.v1', REASON),
    )
    expect(again?.state).toBe('revoked')
  })
  it('is where a chain goes round in a circle', () => {
    const loop = () => ({ ...known, state: 'active' as const, parent: known.agent })
    expect(agentEnd(known.agent, loop, NOW, never)).toBe('parent_ended')
  })
})
