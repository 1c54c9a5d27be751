import type { Agent } from '@credence/contracts/principals/agent'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { detail, hours, NOW } from '../../../../infra/testing/facts.ts'
import { type TokenStanding, tokenEnd } from './token-life.ts'

const known = facts.agent()
const result = (expiresAt: string) => ({ id: 'att_1', expiresAt, keyThumbprint: known.key_thumbprint })
const agent: Agent = { ...known, state: 'active', result: result(hours(2)) }
/** Followed by another key; still one of its keys until then. */
const rotated = (endsAt: string): Agent => ({
  ...agent,
  key_thumbprint: 'second',
  earlierKey: { jwk: known.public_jwk, thumbprint: known.key_thumbprint, endsAt },
})
const grant = {
  grant: 'grt_1',
  task: 'tsk_1',
  agent: agent.agent,
  delegation: 'dlg_1',
  authorization_details: [detail()],
  expires_at: hours(1),
  live: true,
}
const delegated = { delegationEnd: undefined, grant }
const good: TokenStanding = {
  revoked: false,
  agent,
  agentEnd: undefined,
  binding: { jkt: agent.key_thumbprint },
  delegated,
  now: NOW,
}

describe('a token counts', () => {
  it('while all that it rests on lives; one without authority rests on its agent alone', () => {
    expect(tokenEnd(good)).toBe(undefined)
    expect(tokenEnd({ ...good, delegated: undefined })).toBe(undefined)
    expect(tokenEnd({ ...good, binding: { 'x5t#S256': 'x' } })).toBe(undefined)
    expect(tokenEnd({ ...good, agent: rotated(hours(1)) })).toBe(undefined)
    expect(tokenEnd({ ...good, agent: rotated(hours(1)), binding: { jkt: 'second' } })).toBe(undefined)
  })

  const ends: [string, Partial<TokenStanding>, string][] = [
    ['it was revoked', { revoked: true }, 'token_revoked'],
    ['its agent is not known', { agent: undefined }, 'agent_unknown'],
    ['its agent or one above it has ended', { agentEnd: 'parent_ended' }, 'parent_ended'],
    ['the blueprint was withdrawn', { agentEnd: 'blueprint_withdrawn' }, 'blueprint_withdrawn'],
    ['its agent is suspended', { agent: { ...agent, state: 'suspended' } }, 'agent_suspended'],
    ['its agent is in quarantine', { agent: { ...agent, state: 'quarantined' } }, 'agent_quarantined'],
    ['the attestation result has expired', { agent: { ...agent, result: result(hours(0)) } }, 'attestation_expired'],
    ['its key was withdrawn', { agent: { ...agent, keyWithdrawn: true } }, 'key_withdrawn'],
    ['its key was rotated away', { binding: { jkt: 'other' } }, 'key_withdrawn'],
    [
      'its key was withdrawn, though it is bound to a certificate',
      { agent: { ...agent, keyWithdrawn: true }, binding: { 'x5t#S256': 'x' } },
      'key_withdrawn',
    ],
    [
      'the key that attested was followed by this one, which never attested',
      { agent: rotated(hours(0)), binding: { jkt: 'second' } },
      'attestation_of_former_key',
    ],
    [
      'the key that attested was withdrawn, and there is another',
      { agent: { ...rotated(hours(0)), earlierKey: undefined } as unknown as Agent, binding: { jkt: 'second' } },
      'attestation_of_former_key',
    ],
    ['the delegation ended', { delegated: { ...delegated, delegationEnd: 'delegator_ended' } }, 'delegator_ended'],
    ['the person left', { delegated: { ...delegated, delegationEnd: 'human_deactivated' } }, 'human_deactivated'],
    ['the grant is not known', { delegated: { ...delegated, grant: undefined } }, 'grant_unknown'],
    ['the grant ended', { delegated: { ...delegated, grant: { ...grant, live: false } } }, 'grant_ended'],
    ['the grant expired', { delegated: { ...delegated, grant: { ...grant, expires_at: hours(0) } } }, 'grant_ended'],
  ]
  for (const [name, part, reason] of ends)
    it(`no more when ${name}`, () => expect(tokenEnd({ ...good, ...part })).toBe(reason))
})
