import type { Fact } from '@credence/contracts/events/catalog'
import type { Agent } from '@credence/contracts/principals/agent'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { DIGEST, detail, hours, NOW } from '../../../../infra/testing/facts.ts'
import { given } from '../../../../infra/testing/given.ts'
import {
  type Ask,
  approveRequest,
  declineRequest,
  MAX_WAITING,
  makeRequest,
  REQUEST_SECONDS,
  type Request,
  requestEvolution,
  requestIsOver,
} from './request.ts'

const agent: Agent = { ...facts.agent(), state: 'active' }
const id = 'drq_1'
const until = new Date(NOW.getTime() + REQUEST_SECONDS * 1000)
const made = (human?: string): Fact =>
  facts.fact('credence.identity.request.made.v1', {
    request: id,
    agent: agent.agent,
    authorization_details: [detail()],
    lifetime_seconds: 600,
    maximum_depth: 0,
    ...(human ? { human } : {}),
    statement_digest: DIGEST,
    code_digest: DIGEST,
    expires_at: until.toISOString(),
  })
const approved = facts.fact('credence.identity.request.approved.v1', {
  request: id,
  human: 'hum_1',
  delegation: 'dlg_1',
})
const declined = facts.fact('credence.identity.request.declined.v1', { request: id, human: 'hum_1', reported: false })
const after = (...history: Fact[]) => given(requestEvolution, history)

describe('asking', () => {
  const ask = (part: Partial<Ask> = {}, context: Partial<Parameters<typeof makeRequest>[2]> = {}, ...history: Fact[]) =>
    after(...history).when((state) => {
      const bounds = { lifetimeSeconds: 600, maximumDepth: 0 }
      const digests = { statementDigest: DIGEST, codeDigest: DIGEST }
      const asked = { request: id, authorizationDetails: [detail()], human: undefined, ...bounds, ...digests, ...part }
      const waiting = { agent: 0, human: 0 }
      const known = { agent, agentEnd: undefined, blueprint: facts.folded(), waiting, now: NOW }
      return makeRequest(state, asked, { ...known, ...context })
    })

  it('waits ten minutes for an answer', () =>
    ask().thenFacts({ type: 'credence.identity.request.made.v1', data: { expires_at: until.toISOString() } }))
  it('names the one who is asked, if there is one', () => {
    ask({ human: 'hum_1' }).thenFacts({ type: 'credence.identity.request.made.v1', data: { human: 'hum_1' } })
  })
  it('is for active agents that work for people', () => {
    ask({}, { agentEnd: 'agent_revoked' }).thenRefused('agent_revoked')
    ask({}, { agent: { ...agent, state: 'registered' } }).thenRefused('agent_not_active')
    ask({}, { agent: { ...agent, state: 'suspended' } }).thenRefused('agent_suspended')
    ask({}, { agent: { ...agent, autonomy: 'autonomous' } }).thenRefused('agent_autonomous')
  })
  it('is about what such an agent may hold at all', () => {
    ask({}, { blueprint: undefined }).thenRefused('blueprint_not_found')
    const authorizationDetails = [detail({ actions: ['mail.send'] })]
    ask({ authorizationDetails }).thenRefused('outside_ceiling', 'authorization_details.0')
    ask({ lifetimeSeconds: 31 * 86_400 }).thenRefused('invalid_field', 'lifetime_seconds')
    ask({ maximumDepth: 9 }).thenRefused('invalid_field', 'maximum_depth')
  })
  it('is limited, RFC 10027: an agent asks so often, a person is asked so often', () => {
    const { agent: most, human } = MAX_WAITING
    ask({}, { waiting: { agent: most - 1, human: human - 1 } }).thenFacts({ type: 'credence.identity.request.made.v1' })
    ask({}, { waiting: { agent: most, human: 0 } }).thenRefused('too_many_requests')
    ask({}, { waiting: { agent: 0, human } }).thenRefused('too_many_requests')
  })
  it('takes an id once', () => ask({}, {}, made()).thenRefused('request_exists'))
})

describe('answering', () => {
  const approve = (human: string, now: Date, ...history: Fact[]) =>
    after(...history).when((state) => approveRequest(state, { id, human, delegation: 'dlg_1' }, now))
  const decline = (human: string, now: Date, ...history: Fact[]) =>
    after(...history).when((state) => declineRequest(state, { id, human, reported: true }, now))
  const both = [approve, decline]

  it('names who answered, and the delegation or the report', () => {
    approve('hum_1', NOW, made()).thenFacts({
      type: 'credence.identity.request.approved.v1',
      data: { human: 'hum_1', delegation: 'dlg_1' },
    })
    decline('hum_1', NOW, made('hum_1')).thenFacts({
      type: 'credence.identity.request.declined.v1',
      data: { human: 'hum_1', reported: true },
    })
  })
  it('is for the one who was asked', () => {
    for (const answer of both) answer('hum_2', NOW, made('hum_1')).thenRefused('not_asked')
  })
  it('happens once, whatever the first answer was', () => {
    for (const answer of both)
      for (const first of [approved, declined]) answer('hum_1', NOW, made(), first).thenRefused('request_answered')
  })
  it('happens in time', () => {
    for (const answer of both) answer('hum_1', until, made()).thenRefused('request_expired')
  })
  it('needs a request', () => {
    for (const answer of both) answer('hum_1', NOW).thenRefused('request_not_found')
  })
})

describe('a request', () => {
  const fold = (...history: Fact[]) => history.reduce(requestEvolution.evolve, requestEvolution.initialState) as Request
  it('is over when its time is, unless it was answered', () => {
    expect(requestIsOver(fold(made()), NOW)).toBe(false)
    expect(requestIsOver(fold(made()), until)).toBe(true)
    expect(requestIsOver(fold(made(), approved), new Date(hours(9)))).toBe(false)
  })
  it('keeps its first answer', () => {
    expect(fold(made(), declined, approved)).toMatchObject({ state: 'declined' })
    expect(fold(made(), approved, declined, made())).toMatchObject({ state: 'approved', delegation: 'dlg_1' })
  })
})
