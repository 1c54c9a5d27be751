import type { AuthorizationDetail } from '@credence/contracts/authority'
import type { PolicyFact } from '@credence/contracts/events/catalog'
import type { Agent } from '@credence/contracts/principals/agent'
import { type Delegation, delegationEnd } from '@credence/contracts/principals/delegation'
import { newId } from '@credence/shared/ids'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { detail, hours, NOW, TRIGGER } from '../../../../infra/testing/facts.ts'
import { resultOf } from './attestation.ts'
import { beginTask, refusal, type Standing } from './opening.ts'

const agent: Agent = { ...facts.agent(), state: 'active' }
const WITHDRAWN = { id: 'ref_2', of: 'reference' as const }
const root: Delegation = { ...facts.delegation({ agent: agent.agent }), revoked: false }

const around = { agent: () => agent, agentEnd: () => undefined, human: () => facts.person(), mandate: () => undefined }
const result = (part: Parameters<typeof facts.result>[0] = {}) =>
  resultOf(facts.result({ agent: agent.agent, ...part }), hours(0))
/** Why the chain does not count follows from the chain, if a case does not say otherwise. */
const standing = (part: Partial<Standing> = {}): Standing => {
  const chain = 'chain' in part ? part.chain : [root]
  return {
    agent,
    agentEnd: undefined,
    blueprint: facts.folded(),
    result: result({ agent: agent.agent }),
    withdrawal: () => undefined,
    delegationEnd: delegationEnd(chain, around, NOW),
    ...part,
    chain,
  }
}
const wanted = (authorizationDetails: AuthorizationDetail[] = [detail()], lifetimeSeconds = 600) => ({
  task: newId('tsk'),
  grant: newId('grt'),
  delegation: root.delegation,
  trigger: TRIGGER,
  purpose: 'Book a room',
  authorizationDetails,
  lifetimeSeconds,
})

const given = (known: Standing) => ({
  when: (asked: ReturnType<typeof wanted>) => {
    const decided: PolicyFact[] = beginTask(undefined, asked, known, NOW)
    return {
      thenGranted: (authorization_details: AuthorizationDetail[], part: object = {}) => {
        expect(decided.map(({ type }) => type)).toEqual([
          'credence.policy.task.opened.v1',
          'credence.policy.grant.issued.v1',
        ])
        expect(decided[1]?.data).toMatchObject({ authorization_details, ...part })
      },
      thenRefused: (reason: string, dropped: object[] = []) => {
        expect(decided).toEqual([
          { type: 'credence.policy.task.refused.v1', data: expect.objectContaining({ reason, dropped }) },
        ])
      },
    }
  },
})

describe('beginning a task', () => {
  it('grants what was asked when all of it is delegated and below the ceiling', () => {
    given(standing())
      .when(wanted())
      .thenGranted([detail()], { dropped: [], expires_at: hours(1 / 6) })
  })

  it('drops what was not delegated, and what is above the ceiling, and says which', () => {
    const asked = [
      detail({ actions: ['calendar.book'] }),
      detail({ actions: ['mail.send'] }),
      detail({ actions: ['files.read'], resources: ['File::*'] }),
    ]
    const delegated = [detail(), detail({ actions: ['files.*'], resources: ['File::team/*'] })]
    given(standing({ chain: [{ ...root, authorization_details: delegated }] }))
      .when(wanted(asked))
      .thenGranted([asked[0] as AuthorizationDetail], {
        dropped: [
          { detail: asked[1], reason: 'outside_delegation' },
          { detail: asked[2], reason: 'outside_delegation' },
          { detail: asked[2], reason: 'outside_ceiling' },
        ],
      })
  })

  it('refuses when nothing is left, and lists what was dropped', () => {
    const asked = wanted([detail({ actions: ['mail.send'] })])
    given(standing())
      .when(asked)
      .thenRefused('nothing_left', [{ detail: asked.authorizationDetails[0], reason: 'outside_delegation' }])
    const [fact] = beginTask(undefined, asked, standing(), NOW)
    if (fact?.type !== 'credence.policy.task.refused.v1') throw new Error('expected a refusal')
    const error = refusal(fact.data, 'POLICY:7')
    expect(error).toMatchObject({ status: 'failed_precondition', reason: 'nothing_left' })
    expect(error.message).toMatch(/outside_delegation: mail\.send on CalendarEvent::\*.*POLICY:7/)
  })

  it('refuses without a blueprint: no ceiling means nothing, not everything', () => {
    given(standing({ blueprint: undefined }))
      .when(wanted())
      .thenRefused('nothing_left', [{ detail: detail(), reason: 'outside_ceiling' }])
  })

  it('refuses what falls into more parts than a grant can hold', () => {
    const eight = [...'abcdefgh']
    const many = eight.map((name) => detail({ actions: [`calendar.${name}`] }))
    const delegated = eight.map((name) => detail({ resources: [`CalendarEvent::${name}/*`] }))
    given(standing({ chain: [{ ...root, authorization_details: delegated }] }))
      .when(wanted(many))
      .thenRefused('too_many_parts')
  })

  for (const [who, part, end] of [
    ['the asked life', {}, hours(1)],
    ['its agent', { agent: { ...agent, expires_at: hours(0.5) } }, hours(0.5)],
    ['its delegation', { chain: [{ ...root, expires_at: hours(0.25) }] }, hours(0.25)],
    ['a delegation above', { chain: [root, { ...root, expires_at: hours(0.1) }] }, hours(0.1)],
  ] as const)
    it(`makes a grant that lives no longer than ${who}`, () => {
      given(standing(part as Partial<Standing>))
        .when(wanted([detail()], 3_600))
        .thenGranted([detail()], { expires_at: end })
    })

  const other = facts.agent().agent
  for (const [reason, part] of [
    ['agent_revoked', { agentEnd: 'agent_revoked' }],
    ['agent_expired', { agentEnd: 'agent_expired' }],
    ['parent_ended', { agentEnd: 'parent_ended' }],
    ['agent_not_active', { agent: { ...agent, state: 'registered' } }],
    ['agent_suspended', { agent: { ...agent, state: 'suspended' } }],
    ['agent_quarantined', { agent: { ...agent, state: 'quarantined' } }],
    ['blueprint_withdrawn', { agentEnd: 'blueprint_withdrawn' }],
    ['agent_retired', { agentEnd: 'agent_retired' }],
    ['delegation_unknown', { chain: undefined }],
    ['delegation_of_another_agent', { chain: [{ ...root, agent: other }] }],
    ['delegation_revoked', { chain: [{ ...root, revoked: true }] }],
    ['delegation_revoked', { chain: [root, { ...root, agent: other, revoked: true }] }],
    ['delegation_expired', { chain: [root, { ...root, expires_at: NOW.toISOString() }] }],
    ['delegator_ended', { delegationEnd: 'delegator_ended' }],
    ['delegator_held', { delegationEnd: 'delegator_held' }],
    ['human_unknown', { delegationEnd: 'human_unknown' }],
    ['human_deactivated', { delegationEnd: 'human_deactivated' }],
    ['mandate_ended', { delegationEnd: 'mandate_ended' }],
    ['delegation_not_yet', { chain: [{ ...root, not_before: hours(1) }] }],
    ['attestation_missing', { result: undefined }],
    ['attestation_not_accepted', { result: result({ accepted: false }) }],
    ['attestation_revoked', { result: { ...result(), revoked: 'profile_changed' } }],
    [
      'attestation_withdrawn',
      {
        result: result({ references: ['ref_1', 'ref_2'] }),
        withdrawal: (id: string) => (id === 'ref_2' ? WITHDRAWN : undefined),
      },
    ],
    ['attestation_expired', { result: result({ expires_at: NOW.toISOString() }) }],
    ['attestation_of_former_key', { result: result({ key_thumbprint: 'former' }) }],
    ['attestation_insufficient', { result: result({ sufficient: [] }) }],
    [
      'attestation_insufficient',
      { result: result({ sufficient: [{ sensitivity: 'internal', expires_at: NOW.toISOString() }] }) },
    ],
  ] as const)
    it(`refuses and records ${reason} (${Object.keys(part)})`, () => {
      given(standing(part as unknown as Partial<Standing>))
        .when(wanted())
        .thenRefused(reason)
    })

  it('rar-absent-inherits-parent: the limits of the delegation and of the ceiling stay on the grant', () => {
    const delegated = [detail({ limits: { count: 5, patterns: [] } })]
    const ceiling = [detail({ limits: { count: 9, amount: { currency: 'EUR', value: '100' }, patterns: [] } })]
    given(standing({ chain: [{ ...root, authorization_details: delegated }], blueprint: facts.folded({ ceiling }) }))
      .when(wanted())
      .thenGranted([detail({ limits: { count: 5, amount: { currency: 'EUR', value: '100' }, patterns: [] } })], {
        dropped: [
          { detail: detail(), reason: 'outside_delegation' },
          { detail: detail(), reason: 'outside_ceiling' },
        ],
      })
  })

  it('has a sentence of its own for every refusal', () => {
    const about = { ...wanted(), agent: agent.agent, dropped: [] }
    const reasons = ['agent_suspended', 'blueprint_withdrawn', 'human_unknown', 'mandate_ended', 'too_many_parts']
    const sentences = reasons.map((reason) => refusal({ ...about, reason }, 'POLICY:1').message)
    expect(new Set(sentences).size).toBe(reasons.length)
    for (const sentence of sentences) expect(sentence).not.toContain('The task cannot begin')
  })

  it('tells an agent nothing about a delegation of another but that it is not its own', () => {
    const data = { ...wanted(), agent: agent.agent, dropped: [] }
    expect(refusal({ ...data, reason: 'delegation_of_another_agent' }, 'POLICY:1').status).toBe('permission_denied')
    expect(refusal({ ...data, reason: 'delegation_unknown' }, 'POLICY:1').status).toBe('not_found')
  })
})
