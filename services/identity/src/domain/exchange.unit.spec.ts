import type { Agent } from '@credence/contracts/principals/agent'
import type { Delegation } from '@credence/contracts/principals/delegation'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { CALENDAR, detail, hours, NOW } from '../../../../infra/testing/facts.ts'
import { decideExchange, MAX_TOKEN_SECONDS, type Question } from './exchange.ts'

const agent: Agent = { ...facts.agent(), state: 'active', result: { id: 'att_1', expiresAt: hours(2) } }
const delegation: Delegation = { ...facts.delegation({ agent: agent.agent }), revoked: false }
const grant = {
  grant: 'grt_1',
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
    delegation,
    delegationEnd: undefined,
    grant,
    resource: CALENDAR,
    authorizationDetails: undefined,
    proofThumbprint: agent.key_thumbprint,
    now: NOW,
    ...part,
  })

describe('the exchange', () => {
  it('gives what the grant holds for this resource, for ten minutes at most', () => {
    expect(ask()).toEqual({
      allowed: true,
      authorizationDetails: [detail()],
      expiresAt: new Date(NOW.getTime() + MAX_TOKEN_SECONDS * 1000),
      keyThumbprint: agent.key_thumbprint,
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
  it('takes the key before while it still counts, and binds the token to the key of the proof', () => {
    const earlierKey = { jwk: agent.public_jwk, thumbprint: 'before', endsAt: hours(1) }
    expect(ask({ agent: { ...agent, earlierKey }, proofThumbprint: 'before' })).toMatchObject({
      allowed: true,
      keyThumbprint: 'before',
    })
  })
  it('gives no token beyond the life of anything that it rests on', () => {
    const soon = new Date(NOW.getTime() + 60_000).toISOString()
    const ends: Partial<Question>[] = [
      { grant: { ...grant, expires_at: soon } },
      { delegation: { ...delegation, expires_at: soon } },
      { agent: { ...agent, expires_at: soon } },
      { agent: { ...agent, result: { id: 'att_1', expiresAt: soon } } },
    ]
    for (const part of ends) expect(ask(part)).toMatchObject({ allowed: true, expiresAt: new Date(soon) })
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
      { agent: { ...agent, result: { id: 'att_1', expiresAt: hours(0) } } },
      'actor_unauthorized',
      'attestation_expired',
    ],
    ['another key', { proofThumbprint: 'other' }, 'invalid_dpop_proof', 'other_key'],
    ['no key', { proofThumbprint: undefined }, 'invalid_dpop_proof', 'other_key'],
    ['a key that was withdrawn', { agent: { ...agent, keyWithdrawn: true } }, 'invalid_dpop_proof', 'other_key'],
    [
      'a key that was followed by another, at the very end of the overlap',
      {
        agent: { ...agent, earlierKey: { jwk: agent.public_jwk, thumbprint: 'before', endsAt: hours(0) } },
        proofThumbprint: 'before',
      },
      'invalid_dpop_proof',
      'other_key',
    ],
    [
      'another key first: what is wrong with the proof wins over what is wrong with the agent',
      { proofThumbprint: 'other', agent: { ...agent, state: 'suspended' } },
      'invalid_dpop_proof',
      'other_key',
    ],
    ['an agent that nobody knows', { agent: undefined }, 'invalid_client', 'agent_unknown'],
    ['an agent that is held', { agent: { ...agent, state: 'quarantined' } }, 'actor_unauthorized', 'agent_not_active'],
    ['a delegation that nobody knows', { delegation: undefined }, 'invalid_request', 'delegation_unknown'],
    [
      'a grant that holds more than its delegation',
      { delegation: { ...delegation, authorization_details: [detail({ actions: ['calendar.read'] })] } },
      'invalid_request',
      'outside_delegation',
    ],
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
    ['another resource', { resource: 'https://b.example' }, 'invalid_target', 'outside_grant'],
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
