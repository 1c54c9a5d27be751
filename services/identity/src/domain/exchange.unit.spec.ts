import type { Agent } from '@credence/contracts/principals/agent'
import type { Delegation } from '@credence/contracts/principals/delegation'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { CALENDAR, detail, hours, NOW } from '../../../../infra/testing/facts.ts'
import { decideExchange, MAX_TOKEN_SECONDS, type Question } from './exchange.ts'

const known = facts.agent()
const result = (expiresAt: string) => ({ id: 'att_1', expiresAt, keyThumbprint: known.key_thumbprint })
const agent: Agent = { ...known, state: 'active', result: result(hours(2)) }
const delegation: Delegation = { ...facts.delegation({ agent: agent.agent }), revoked: false }
const grant = {
  grant: 'grt_1',
  task: 'tsk_1',
  agent: agent.agent,
  delegation: delegation.delegation,
  authorization_details: [detail()],
  expires_at: hours(1),
  live: true,
}
const ask = (part: Partial<Question> = {}) =>
  decideExchange({
    agent,
    agentEnd: undefined,
    ceiling: [detail()],
    delegation,
    delegationEnd: undefined,
    grant,
    resource: CALENDAR,
    authorizationDetails: undefined,
    binding: { jkt: agent.key_thumbprint },
    now: NOW,
    ...part,
  })

/** It attested with the key before its newest. */
const rotated = (endsAt: string): Agent => ({
  ...agent,
  key_thumbprint: 'second',
  earlierKey: { jwk: known.public_jwk, thumbprint: known.key_thumbprint, endsAt },
})

describe('the exchange', () => {
  it('gives what the grant holds for this resource, for ten minutes at most', () => {
    expect(ask()).toEqual({
      allowed: true,
      authorizationDetails: [detail()],
      expiresAt: new Date(NOW.getTime() + MAX_TOKEN_SECONDS * 1000),
    })
  })
  it('gives what was asked when it is less, and limits stay on it', () => {
    const limited = detail({ limits: { count: 5, patterns: [] } })
    const less = detail({ actions: ['calendar.read'], limits: { count: 2, patterns: [] } })
    expect(ask({ grant: { ...grant, authorization_details: [limited] } })).toMatchObject({
      authorizationDetails: [limited],
    })
    expect(ask({ grant: { ...grant, authorization_details: [limited] }, authorizationDetails: [less] })).toMatchObject({
      allowed: true,
      authorizationDetails: [less],
    })
  })
  it('takes the key before while it still counts', () => {
    const before = (endsAt: string) => ({ jwk: agent.public_jwk, thumbprint: 'before', endsAt })
    const by = (endsAt: string) =>
      ask({ agent: { ...agent, earlierKey: before(endsAt) }, binding: { jkt: 'before' } }).allowed
    expect([by(hours(1)), by(hours(0))]).toEqual([true, false])
  })
  it('gives of a grant only what its delegation holds', () => {
    const read = detail({ actions: ['calendar.read'] })
    expect(ask({ delegation: { ...delegation, authorization_details: [read] } })).toMatchObject({
      authorizationDetails: [read],
    })
  })
  it('gives no token beyond the life of anything that it rests on', () => {
    const soon = new Date(NOW.getTime() + 60_000).toISOString()
    const ends: Partial<Question>[] = [
      { grant: { ...grant, expires_at: soon } },
      { delegation: { ...delegation, expires_at: soon } },
      { agent: { ...agent, expires_at: soon } },
      { agent: { ...agent, result: result(soon) } },
      { subjectExpiresAt: new Date(soon) },
      // The earlier key attested.
      { agent: rotated(soon), binding: { jkt: 'second' } },
    ]
    for (const part of ends) expect(ask(part)).toMatchObject({ allowed: true, expiresAt: new Date(soon) })
  })

  it('gives what grant, delegation, ceiling and subject token have in common, and no more', () => {
    const part = (...actions: string[]) => [detail({ actions })]
    const only = (changed: Partial<Question>) => ask(changed)
    const [read, both] = [part('calendar.read'), part('calendar.read', 'calendar.book')]
    for (const changed of [
      { grant: { ...grant, authorization_details: read } },
      { delegation: { ...delegation, authorization_details: read } },
      { ceiling: read },
      { subjectDetails: read },
      { grant: { ...grant, authorization_details: both }, subjectDetails: part('calendar.read', 'calendar.cancel') },
    ])
      expect(only(changed)).toMatchObject({ allowed: true, authorizationDetails: read })
  })

  it('takes either key while an agent rotates', () => {
    const jwk = agent.public_jwk
    const rotating: Agent = { ...agent, earlierKey: { jwk, thumbprint: 'earlier', endsAt: hours(1) } }
    for (const jkt of ['earlier', agent.key_thumbprint])
      expect(ask({ agent: rotating, binding: { jkt } })).toMatchObject({ allowed: true })
  })

  const refusals: [name: string, part: Partial<Question>, error: string, reason: string][] = [
    ['an agent that has ended', { agentEnd: 'agent_revoked' }, 'invalid_client', 'agent_revoked'],
    [
      'an agent that is not active',
      { agent: { ...agent, state: 'registered' } },
      'actor_unauthorized',
      'agent_not_active',
    ],
    [
      'a result that has expired',
      { agent: { ...agent, result: result(hours(0)) } },
      'actor_unauthorized',
      'attestation_expired',
    ],
    [
      'a newest key that never attested',
      { agent: rotated(hours(0)), binding: { jkt: 'second' } },
      'actor_unauthorized',
      'attestation_of_former_key',
    ],
    ['another key', { binding: { jkt: 'other' } }, 'invalid_dpop_proof', 'other_key'],
    ['a key that was withdrawn', { agent: { ...agent, keyWithdrawn: true } }, 'invalid_dpop_proof', 'other_key'],
    [
      'a key that was followed by another, at the very end of the overlap',
      {
        agent: { ...agent, earlierKey: { jwk: agent.public_jwk, thumbprint: 'before', endsAt: hours(0) } },
        binding: { jkt: 'before' },
      },
      'invalid_dpop_proof',
      'other_key',
    ],
    [
      'another key first: what is wrong with the proof wins over what is wrong with the agent',
      { binding: { jkt: 'other' }, agent: { ...agent, state: 'suspended' } },
      'invalid_dpop_proof',
      'other_key',
    ],
    ['an agent that nobody knows', { agent: undefined }, 'invalid_client', 'agent_unknown'],
    ['an agent that is held', { agent: { ...agent, state: 'quarantined' } }, 'actor_unauthorized', 'agent_not_active'],
    ['a delegation that nobody knows', { delegation: undefined }, 'invalid_request', 'delegation_unknown'],
    [
      'details without a limit that the grant has (rar-limit-dropped-is-wider)',
      {
        grant: { ...grant, authorization_details: [detail({ limits: { count: 2, patterns: [] } })] },
        authorizationDetails: [detail()],
      },
      'invalid_authorization_details',
      'outside_grant',
    ],
    ['a delegation that was revoked', { delegationEnd: 'delegation_revoked' }, 'invalid_request', 'delegation_revoked'],
    [
      'a delegation of another agent',
      { delegation: { ...delegation, agent: 'agt_x' } },
      'actor_unauthorized',
      'delegation_of_another_agent',
    ],
    ['no grant', { grant: undefined }, 'invalid_request', 'grant_unknown'],
    ['a grant of another agent', { grant: { ...grant, agent: 'agt_x' } }, 'invalid_request', 'grant_unknown'],
    [
      'a grant under another delegation',
      { grant: { ...grant, delegation: 'dlg_x' } },
      'invalid_request',
      'grant_unknown',
    ],
    ['a grant that ended', { grant: { ...grant, live: false } }, 'invalid_request', 'grant_ended'],
    ['a grant that expired', { grant: { ...grant, expires_at: hours(0) } }, 'invalid_request', 'grant_ended'],
    ['another resource', { resource: 'https://b.example' }, 'invalid_target', 'outside_delegation'],
    [
      'a grant that holds nothing here',
      { grant: { ...grant, authorization_details: [detail({ actions: ['mail.send'] })] } },
      'invalid_target',
      'outside_grant',
    ],
    [
      'an action above the ceiling, whatever grant and delegation say',
      { ceiling: [detail({ actions: ['calendar.read'] })], authorizationDetails: [detail()] },
      'invalid_authorization_details',
      'outside_grant',
    ],
    [
      'details for another resource',
      { authorizationDetails: [detail({ locations: [CALENDAR, 'https://b.example'] })] },
      'invalid_authorization_details',
      'other_location',
    ],
    ['a subject token that has ended', { subjectExpiresAt: NOW }, 'invalid_request', 'subject_token_expired'],
    [
      'a subject token that is bound to another key',
      { subjectBinding: { jkt: 'other' } },
      'invalid_dpop_proof',
      'subject_bound',
    ],
    ['a key that was withdrawn', { agent: { ...agent, keyWithdrawn: true } }, 'invalid_dpop_proof', 'other_key'],
    [
      'wider details',
      { authorizationDetails: [detail({ actions: ['mail.send'] })] },
      'invalid_authorization_details',
      'outside_grant',
    ],
  ]
  for (const [name, part, error, reason] of refusals)
    it(`refuses ${name}`, () => expect(ask(part)).toMatchObject({ allowed: false, error, reason }))
})
