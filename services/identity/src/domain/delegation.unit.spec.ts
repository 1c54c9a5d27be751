import type { Agent, AgentEnd } from '@credence/contracts/principals/agent'
import {
  type Around,
  type Delegation,
  delegationChain,
  delegationEnd,
  delegationEvolution,
} from '@credence/contracts/principals/delegation'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { detail, hours, NOW } from '../../../../infra/testing/facts.ts'
import { given } from '../../../../infra/testing/given.ts'
import {
  grantDelegation,
  MAX_LIFETIME_SECONDS,
  MAX_PASSES,
  passOnDelegation,
  revokeDelegation,
  type Wanted,
} from './delegation.ts'

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
  it('with the way in which they had signed in, where it is known', () => {
    const signIn = { acr: 'urn:acme:password', amr: ['pwd'], at: hours(-1) }
    given(delegationEvolution)
      .when((state) => grantDelegation(state, { ...wanted(), signIn }, human, to(holder), NOW))
      .thenFacts({ type: 'credence.identity.delegation.granted.v1', data: { sign_in: signIn } })
    const [unknown] = grantDelegation(undefined, wanted(), human, to(holder), NOW)
    expect(unknown?.data).not.toHaveProperty('sign_in')
  })
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
  it('rar-limit-dropped-is-wider: nothing without a limit that the ceiling has', () => {
    const limited = facts.folded({ ceiling: [detail({ limits: { count: 5, patterns: [] } })] })
    grant({}, { blueprint: limited }).thenRefused('outside_ceiling')
    expect(() => grantDelegation(undefined, wanted(), human, to(holder, { blueprint: limited }), NOW)).toThrow(
      /wider in limits/,
    )
    const authorizationDetails = [detail({ limits: { count: 5, patterns: [] } })]
    grant({ authorizationDetails }, { blueprint: limited }).thenFacts({
      type: 'credence.identity.delegation.granted.v1',
    })
  })
  it('what is left, when that is wanted, and says what is not', () => {
    const [fits, half] = [detail({ actions: ['calendar.read'] }), detail({ actions: ['mail.send', 'calendar.book'] })]
    grant({ narrow: true, authorizationDetails: [fits, half] }).thenFacts({
      type: 'credence.identity.delegation.granted.v1',
      data: {
        authorization_details: [fits, detail({ actions: ['calendar.book'] })],
        dropped: [{ detail: half, reason: 'outside_ceiling' }],
      },
    })
    const none = [detail({ actions: ['mail.send'] })]
    grant({ narrow: true, authorizationDetails: none }).thenRefused('nothing_left')
  })
  it('rar-absent-inherits-parent: a limit of the ceiling stays on what is left', () => {
    const limits = { count: 5, patterns: [] }
    grant({ narrow: true }, { blueprint: facts.folded({ ceiling: [detail({ limits })] }) }).thenFacts({
      type: 'credence.identity.delegation.granted.v1',
      data: { authorization_details: [detail({ actions: ['calendar.read'], limits })] },
    })
  })
  it('nothing that falls into more parts than anybody reads', () => {
    const names = [...'abcdefgh']
    const ceiling = names.map((name) => detail({ resources: [`CalendarEvent::${name}/*`] }))
    const authorizationDetails = names.map((name) => detail({ actions: [`calendar.${name}`] }))
    grant({ narrow: true, authorizationDetails }, { blueprint: facts.folded({ ceiling }) }).thenRefused(
      'too_many_parts',
    )
  })
  it('for 30 days at most, to be passed on 8 times at most', () => {
    for (const lifetimeSeconds of [0, MAX_LIFETIME_SECONDS + 1, Number.NaN])
      grant({ lifetimeSeconds }).thenRefused('invalid_field', 'lifetime_seconds')
    for (const maximumDepth of [-1, MAX_PASSES + 1])
      grant({ maximumDepth }).thenRefused('invalid_field', 'maximum_depth')
  })
  it('delegation-dies-with-grantor: nothing once they have left, or before they are known', () => {
    for (const [grantor, reason] of [
      [facts.person({ active: false }), 'human_deactivated'],
      [undefined, 'human_unknown'],
    ] as const)
      given(delegationEvolution)
        .when((state) => grantDelegation(state, wanted(), grantor, to(holder), NOW))
        .thenRefused(reason)
  })
  it('names the request that it answers', () =>
    grant({ request: 'drq_1' }).thenFacts({
      type: 'credence.identity.delegation.granted.v1',
      data: { request: 'drq_1' },
    }))
  it('nothing to an agent that is held', () => {
    grant({}, { agent: { ...holder, state: 'suspended' } }).thenRefused('agent_suspended')
    grant({}, { agent: { ...holder, state: 'quarantined' } }).thenRefused('agent_quarantined')
  })
  it('also to an agent that has yet to attest', () =>
    grant({}, { agent: { ...holder, state: 'registered' } }).thenFacts({
      type: 'credence.identity.delegation.granted.v1',
    }))
  it('nothing without a blueprint: no ceiling means nothing, not everything', () =>
    grant({}, { blueprint: undefined }).thenRefused('blueprint_not_found'))
  it('under an id that is given once', () =>
    given(delegationEvolution, [facts.granted(parent)])
      .when((state) => grantDelegation(state, wanted(), human, to(holder), NOW))
      .thenRefused('delegation_exists'))
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
  it('what is left, when that is wanted, cut by the delegation and then by the ceiling', () => {
    const asked = [detail({ actions: ['calendar.*'] }), detail({ actions: ['calendar.read', 'mail.send'] })]
    const ceiling = [detail({ actions: ['calendar.read'] })]
    pass(
      { narrow: true, authorizationDetails: asked },
      { to: to(child, { blueprint: facts.folded({ ceiling }) }) },
    ).thenFacts({
      type: 'credence.identity.delegation.granted.v1',
      data: {
        authorization_details: [detail({ actions: ['calendar.read'] })],
        dropped: [
          { detail: asked[0], reason: 'outside_delegation' },
          { detail: asked[0], reason: 'outside_ceiling' },
          { detail: asked[1], reason: 'outside_delegation' },
        ],
      },
    })
  })
  it('never above the ceiling, though it holds it itself', () => {
    const ceiling = [detail({ actions: ['calendar.book'] })]
    pass({}, { to: to(child, { blueprint: facts.folded({ ceiling }) }) }).thenRefused('outside_ceiling')
  })
  it('nothing while it is not active, and nothing after its end', () => {
    pass({}, { from: to({ ...holder, state: 'suspended' }) }).thenRefused('agent_suspended')
    pass({}, { from: to({ ...holder, state: 'quarantined' }) }).thenRefused('agent_quarantined')
    pass({}, { from: to({ ...holder, state: 'registered' }) }).thenRefused('agent_not_active')
    pass({}, { from: to(holder, { agentEnd: 'parent_ended' }) }).thenRefused('parent_ended')
  })
  it('nothing to a child that is held or has ended', () => {
    pass({}, { to: to({ ...child, state: 'suspended' }) }).thenRefused('agent_suspended')
    pass({}, { to: to(child, { agentEnd: 'agent_expired' }) }).thenRefused('agent_expired')
  })
  it('to the very end of what it holds', () =>
    pass({ lifetimeSeconds: 4 * 3_600 }).thenFacts({
      type: 'credence.identity.delegation.granted.v1',
      data: { expires_at: parent.expires_at },
    }))
  it('for some time', () => pass({ lifetimeSeconds: 0 }).thenRefused('invalid_field', 'lifetime_seconds'))
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
  it('stays revoked, whatever is said later', () =>
    expect(
      [first, facts.delegationRevoked(parent.delegation), first].reduce(delegationEvolution.evolve, undefined)?.revoked,
    ).toBe(true))
})

describe('what a delegation counts', () => {
  const middle: Delegation = {
    ...facts.delegation({ agent: child.agent, parent: parent.delegation, human: human.human }),
    revoked: false,
  }
  const leaf: Delegation = { ...facts.delegation({ parent: middle.delegation, human: human.human }), revoked: false }
  const LINKS = { leaf, middle, root: parent }
  type World = {
    links?: Partial<Record<keyof typeof LINKS, Partial<Delegation>>>
    around?: Partial<Around>
    now?: Date
  }
  const end = ({ links = {}, around = {}, now = NOW }: World) => {
    const known = Object.entries(LINKS).map(([name, link]) => ({ ...link, ...links[name as keyof typeof LINKS] }))
    const chain = delegationChain(leaf.delegation, (id) => known.find(({ delegation }) => delegation === id))
    const all = { agent: () => holder, agentEnd: () => undefined, human: () => human, mandate: () => undefined }
    return delegationEnd(chain, { ...all, ...around }, now)
  }
  const back = facts.person({ departures: 1 })
  const mandate = { ...facts.mandate({ expires_at: hours(2) }), revoked: false }
  const byMandate = { root: { mandate: mandate.mandate } }
  const only = (id: string, what: AgentEnd) => (agent: string) => (agent === id ? what : undefined)
  const held =
    (id: string) =>
    (agent: string): Agent => ({ ...holder, state: agent === id ? 'suspended' : 'active' })

  const CASES: [title: string, world: World, wanted: ReturnType<typeof delegationEnd>][] = [
    ['everything is there', {}, undefined],
    ['itself revoked', { links: { leaf: { revoked: true } } }, 'delegation_revoked'],
    [
      'chain-revoked-middle-kills-below: the middle revoked',
      { links: { middle: { revoked: true } } },
      'delegation_revoked',
    ],
    ['the root revoked', { links: { root: { revoked: true } } }, 'delegation_revoked'],
    ['the very end of the root', { now: new Date(hours(4)) }, 'delegation_expired'],
    ['an end that cannot be read', { links: { middle: { expires_at: 'later' } } }, 'delegation_expired'],
    ['the root has not begun', { links: { root: { not_before: hours(1) } } }, 'delegation_not_yet'],
    ['a beginning that cannot be read', { links: { root: { not_before: 'now' } } }, 'delegation_not_yet'],
    [
      'chain-missing-hop: a link that nobody knows',
      { links: { middle: { delegation: 'dlg_other' } } },
      'delegation_unknown',
    ],
    ['a chain that goes round in a circle', { links: { root: { parent: leaf.delegation } } }, 'delegation_unknown'],
    [
      'the agent that passed it on has ended',
      { around: { agentEnd: only(child.agent, 'agent_retired') } },
      'delegator_ended',
    ],
    ['the first agent has ended', { around: { agentEnd: only(holder.agent, 'parent_ended') } }, 'delegator_ended'],
    [
      'its holder has ended: that is the holder’s end, told elsewhere',
      { around: { agentEnd: only(leaf.agent, 'agent_revoked') } },
      undefined,
    ],
    ['the agent that passed it on is held', { around: { agent: held(child.agent) } }, 'delegator_held'],
    ['its holder is held: that is told elsewhere', { around: { agent: held(leaf.agent) } }, undefined],
    ['an agent that nobody knows passed it on', { around: { agent: () => undefined } }, 'delegator_held'],
    [
      'delegation-dies-with-grantor: the human has left',
      { around: { human: () => facts.person({ active: false }) } },
      'human_deactivated',
    ],
    ['the human left after it, and is back', { around: { human: () => back } }, 'human_deactivated'],
    [
      'the human left before, and gave it after the return',
      { links: { root: { stay: 1 } }, around: { human: () => back } },
      undefined,
    ],
    ['chain-root-untrusted: a human whom nobody recognised', { around: { human: () => undefined } }, 'human_unknown'],
    ['a mandate at the root', { links: byMandate, around: { mandate: () => mandate } }, undefined],
    [
      'it was revoked',
      { links: byMandate, around: { mandate: () => ({ ...mandate, revoked: true }) } },
      'mandate_ended',
    ],
    [
      'the very end of it',
      { links: byMandate, around: { mandate: () => mandate }, now: new Date(hours(2)) },
      'mandate_ended',
    ],
    ['chain-root-untrusted: a mandate that nobody knows', { links: byMandate }, 'mandate_ended'],
    [
      'whoever signed the mandate off has left: it outlives them',
      { links: byMandate, around: { mandate: () => mandate, human: () => facts.person({ active: false }) } },
      undefined,
    ],
  ]
  for (const [title, world, wanted] of CASES)
    it(`${title}: ${wanted ?? 'counts'}`, () => expect(end(world)).toBe(wanted))
})
