import type { Fact } from '@credence/contracts/events/catalog'
import type { Agent } from '@credence/contracts/principals/agent'
import { delegationEvolution } from '@credence/contracts/principals/delegation'
import { type Mandate, mandateEvolution } from '@credence/contracts/principals/mandate'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { detail, hours, NOW } from '../../../../infra/testing/facts.ts'
import { given } from '../../../../infra/testing/given.ts'
import { MAX_LIFETIME_SECONDS } from './delegation.ts'
import { drawMandate, grantMandate, type MandateWanted, revokeMandate } from './mandate.ts'

const sponsor = facts.person()
const blueprint = facts.folded({ sponsor: sponsor.human })
const data = facts.mandate({ human: sponsor.human, expires_at: hours(2) })
const mandate: Mandate = { ...data, revoked: false }
const granted = facts.fact('credence.identity.mandate.granted.v1', data)
const revoked = facts.fact('credence.identity.mandate.revoked.v1', { mandate: data.mandate, reason: 'test' })
const agent: Agent = { ...facts.agent({ autonomy: 'autonomous' }), state: 'active' }

describe('signing a mandate off', () => {
  const sign = (
    part: Partial<MandateWanted> = {},
    context: Partial<Parameters<typeof grantMandate>[2]> = {},
    ...history: Fact[]
  ) =>
    given(mandateEvolution, history).when((state) => {
      const { mandate: id, purpose } = data
      const bounds = { lifetimeSeconds: 7_200, maximumDepth: 1 }
      const asked = {
        mandate: id,
        blueprint: blueprint.blueprint,
        purpose,
        authorizationDetails: [detail()],
        ...bounds,
      }
      return grantMandate(state, { ...asked, ...part }, { sponsor, blueprint, now: NOW, ...context })
    })

  it('gives it the shape, the limits and the end of a delegation', () =>
    sign().thenFacts({
      type: 'credence.identity.mandate.granted.v1',
      data: { human: sponsor.human, not_before: hours(0), expires_at: hours(2), maximum_depth: 1 },
    }))
  it('is for the sponsor', () => sign({}, { sponsor: facts.person() }).thenRefused('not_the_sponsor'))
  it('is not for one who has left, or whom nobody knows', () => {
    sign({}, { sponsor: { ...sponsor, active: false } }).thenRefused('human_deactivated')
    sign({}, { sponsor: undefined }).thenRefused('human_unknown')
  })
  it('needs a blueprint that was not withdrawn', () => {
    sign({}, { blueprint: undefined }).thenRefused('blueprint_not_found')
    sign({}, { blueprint: { ...blueprint, withdrawn: true } }).thenRefused('blueprint_withdrawn')
  })
  it('stays below the ceiling', () =>
    sign({ authorizationDetails: [detail({ actions: ['mail.send'] })] }).thenRefused(
      'outside_ceiling',
      'authorization_details.0',
    ))
  it('ends, and goes no deeper than anything may', () => {
    for (const lifetimeSeconds of [0, MAX_LIFETIME_SECONDS + 1])
      sign({ lifetimeSeconds }).thenRefused('invalid_field', 'lifetime_seconds')
    for (const maximumDepth of [-1, 9]) sign({ maximumDepth }).thenRefused('invalid_field', 'maximum_depth')
  })
  it('gives an id once', () => sign({}, {}, granted).thenRefused('mandate_exists'))
})

describe('drawing from a mandate', () => {
  const draw = (context: Partial<Parameters<typeof drawMandate>[2]> = {}, ...history: Fact[]) =>
    given(delegationEvolution, history).when((state) =>
      drawMandate(state, 'dlg_1', { mandate, id: data.mandate, agent, agentEnd: undefined, now: NOW, ...context }),
    )
  it('gives all of it, for as long as it lives, in the name of who signed it off', () =>
    draw().thenFacts({
      type: 'credence.identity.delegation.granted.v1',
      data: {
        human: sponsor.human,
        agent: agent.agent,
        mandate: data.mandate,
        authorization_details: data.authorization_details,
        expires_at: data.expires_at,
        maximum_depth: data.maximum_depth,
      },
    }))
  it('is for autonomous agents of this blueprint', () => {
    draw({ agent: { ...agent, autonomy: 'delegated' } }).thenRefused('agent_delegated')
    draw({ agent: { ...agent, blueprint: 'other' } }).thenRefused('mandate_of_another_blueprint')
  })
  it('is for agents that are active', () => {
    draw({ agentEnd: 'blueprint_withdrawn' }).thenRefused('blueprint_withdrawn')
    draw({ agent: { ...agent, state: 'suspended' } }).thenRefused('agent_suspended')
    draw({ agent: { ...agent, state: 'quarantined' } }).thenRefused('agent_quarantined')
    draw({ agent: { ...agent, state: 'registered' } }).thenRefused('agent_not_active')
  })
  it('needs a mandate that is not over', () => {
    draw({ mandate: undefined }).thenRefused('mandate_not_found')
    draw({ mandate: { ...mandate, revoked: true } }).thenRefused('mandate_ended')
    draw({ mandate: { ...mandate, expires_at: hours(0) } }).thenRefused('mandate_ended')
  })
  it('gives an id once', () => draw({}, facts.granted(facts.delegation())).thenRefused('delegation_exists'))
})

describe('a mandate', () => {
  const revoke = (...history: Fact[]) =>
    given(mandateEvolution, history).when((state) => revokeMandate(state, data.mandate, 'test'))
  it('is revoked once, and for good', () => {
    revoke(granted).thenFacts({ type: 'credence.identity.mandate.revoked.v1', data: { reason: 'test' } })
    revoke(granted, revoked).thenNothing()
    revoke().thenRefused('mandate_not_found')
    expect([granted, revoked, granted].reduce(mandateEvolution.evolve, undefined)?.revoked).toBe(true)
  })
})
