import type { Agent } from '@credence/contracts/principals/agent'
import {
  type Delegation,
  delegationChain,
  delegationEnd,
  delegationEvolution,
} from '@credence/contracts/principals/delegation'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { detail, hours, NOW } from '../../../../infra/testing/facts.ts'
import { given } from '../../../../infra/testing/given.ts'
import { grantDelegation, passOnDelegation, revokeDelegation, type Wanted } from './delegation.ts'

const blueprint = facts.folded()
const human = facts.person({ human: 'hum_1' })
const holder: Agent = { ...facts.agent(), state: 'active' }
const child: Agent = { ...facts.agent({ parent: holder.agent }), state: 'active' }
const parent: Delegation = {
  ...facts.delegation({
    agent: holder.agent,
    authorization_details: [detail({ actions: ['calendar.book', 'calendar.read'] })],
  }),
  revoked: false,
}
const wanted = (part: Partial<Wanted> = {}): Wanted => ({
  delegation: 'dlg_new',
  authorizationDetails: [detail({ actions: ['calendar.read'] })],
  purpose: 'Read',
  lifetimeSeconds: 600,
  maximumDepth: 0,
  narrow: false,
  ...part,
})
const to = (agent: Agent, part: object = {}) => ({ agent, agentEnd: undefined, blueprint, ...part })

describe('a human grants', () => {
  const grant = (part: Partial<Wanted> = {}, receiver: object = {}) =>
    given(delegationEvolution).when((state) =>
      grantDelegation(state, wanted(part), human, { ...to(holder), ...receiver }, NOW),
    )

  it('a part of what the blueprint may ever hold, until then', () =>
    grant().thenFacts({
      type: 'credence.identity.delegation.granted.v1',
      data: { human: 'hum_1', agent: holder.agent, not_before: hours(0), expires_at: hours(1 / 6) },
    }))
  it('nothing beyond the ceiling', () =>
    grant({ authorizationDetails: [detail({ actions: ['mail.send'] })] }).thenRefused(
      'outside_ceiling',
      'authorization_details.0',
    ))
  it('and hears which details do not fit', () => {
    const [fits, wider] = [detail({ actions: ['calendar.read'] }), detail({ actions: ['mail.send', 'calendar.read'] })]
    expect(() =>
      grantDelegation(undefined, wanted({ authorizationDetails: [fits, wider] }), human, to(holder), NOW),
    ).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/authorization_details\.1: mail\.send, calendar\.read on /),
        violations: [expect.objectContaining({ field: 'authorization_details.1' })],
      }),
    )
  })
  it('nothing to an agent that has ended', () => grant({}, { agentEnd: 'agent_revoked' }).thenRefused('agent_revoked'))
  it('nothing to an autonomous agent', () =>
    grant({}, { agent: { ...holder, autonomy: 'autonomous' } }).thenRefused('agent_autonomous'))
})

describe('an agent passes on', () => {
  const pass = (part: Partial<Wanted> = {}, context: Partial<Parameters<typeof passOnDelegation>[2]> = {}) =>
    given(delegationEvolution).when((state) =>
      passOnDelegation(state, wanted(part), {
        parent,
        parentEnd: undefined,
        from: to(holder),
        to: to(child),
        now: NOW,
        ...context,
      }),
    )

  it('a part of what it holds, to its child; the human at the root stays', () =>
    pass().thenFacts({
      type: 'credence.identity.delegation.granted.v1',
      data: { human: parent.human, agent: child.agent, parent: parent.delegation },
    }))
  it('never more', () =>
    pass({ authorizationDetails: [detail({ actions: ['calendar.*'] })] }).thenRefused(
      'outside_delegation',
      'authorization_details.0',
    ))
  it('never together what the delegation holds apart', () => {
    const apart = [
      detail({ actions: ['calendar.read'], resources: ['CalendarEvent::1'] }),
      detail({ actions: ['calendar.book'], resources: ['CalendarEvent::2'] }),
    ]
    const together = detail({
      actions: ['calendar.read', 'calendar.book'],
      resources: ['CalendarEvent::1', 'CalendarEvent::2'],
    })
    pass({ authorizationDetails: [together] }, { parent: { ...parent, authorization_details: apart } }).thenRefused(
      'outside_delegation',
    )
  })
  it('never longer', () => pass({ lifetimeSeconds: 5 * 3_600 }).thenRefused('invalid_field', 'lifetime_seconds'))
  it('never as deep', () => pass({ maximumDepth: 1 }).thenRefused('invalid_field', 'maximum_depth'))
  it('not when it may not be passed on', () =>
    pass({}, { parent: { ...parent, maximum_depth: 0 } }).thenRefused('depth_exhausted'))
  it('not what another agent holds', () => pass({}, { from: to(child) }).thenRefused('delegation_of_another_agent'))
  it('not to an agent that it did not spawn', () =>
    pass({}, { to: to({ ...child, parent: undefined }) }).thenRefused('not_your_child'))
  it('not when it no longer counts', () =>
    pass({}, { parentEnd: 'delegation_expired' }).thenRefused('delegation_expired'))
})

describe('a delegation', () => {
  const first = facts.granted(parent)
  it('is revoked once', () => {
    given(delegationEvolution, [first])
      .when((state) => revokeDelegation(state, parent.delegation, 'why'))
      .thenFacts({ type: 'credence.identity.delegation.revoked.v1' })
    given(delegationEvolution, [first, facts.delegationRevoked(parent.delegation)])
      .when((state) => revokeDelegation(state, parent.delegation, 'why'))
      .thenNothing()
    given(delegationEvolution)
      .when((state) => revokeDelegation(state, 'dlg_x', 'why'))
      .thenRefused('delegation_not_found')
  })
  it('counts while its whole chain does', () => {
    const leaf: Delegation = { ...facts.delegation({ parent: parent.delegation }), revoked: false }
    const around = { agent: () => holder, agentEnd: () => undefined, human: () => human, mandate: () => undefined }
    const end = (root: Partial<Delegation>, now = NOW) =>
      delegationEnd(
        delegationChain(leaf.delegation, (id) => (id === leaf.delegation ? leaf : { ...parent, ...root })),
        around,
        now,
      )
    expect(end({})).toBeUndefined()
    expect(end({ revoked: true })).toBe('delegation_revoked')
    expect(end({}, new Date(hours(4)))).toBe('delegation_expired')
    expect(end({ not_before: hours(1) })).toBe('delegation_not_yet')
    expect(
      delegationEnd(
        delegationChain(leaf.delegation, (id) => (id === leaf.delegation ? leaf : undefined)),
        around,
        NOW,
      ),
    ).toBe('delegation_unknown')
  })
})
