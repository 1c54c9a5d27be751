import { describe, expect, it } from 'vitest'
import type { RecordedCommit } from './event-store/commit.ts'
import { createRevokedTokens } from './revoked-tokens.ts'

const START = Date.parse('2026-11-24T12:00:00.000Z')
const at = (seconds: number) => new Date(START + seconds * 1000).toISOString()
const revoked = (token: string, now: number, expires: number): RecordedCommit => ({
  id: `evt_${token}`,
  facts: [
    {
      type: 'credence.identity.token.revoked.v1',
      data: { agent: 'agt_00000000000000000000000000', token, expires_at: at(expires) },
    },
  ],
  actor: { kind: 'agent', id: 'spiffe://acme.example/agent/a/b' },
  correlation: {},
  time: at(now),
  source: 'spiffe://acme.example/service/identity',
  subject: 'token/agt_00000000000000000000000000',
  stream: 'IDENTITY',
  sequence: 1,
})

describe('revoked tokens', () => {
  it('are known until nobody would take them any more, whatever the clocks', () => {
    const tokens = createRevokedTokens()
    tokens.apply(revoked('a', 0, 600))
    tokens.apply(revoked('b', 650, 1_200))
    expect([tokens.has('a'), tokens.has('b'), tokens.has('c')]).toEqual([true, true, false])
    tokens.apply(revoked('c', 661, 1_200))
    expect([tokens.has('a'), tokens.has('b'), tokens.has('c')]).toEqual([false, true, true])
  })

  it('take bounded memory, however many were ever revoked', () => {
    const tokens = createRevokedTokens()
    for (let second = 0; second < 5_000; second++) tokens.apply(revoked(`t${second}`, second, second + 600))
    expect(tokens.size()).toBeLessThanOrEqual(661)
  })
})
