import type { Fact } from '@credence/contracts/events/catalog'
import { describe, expect, it } from 'vitest'
import { CALENDAR, detail } from '../../../infra/testing/facts.ts'
import type { RecordedCommit } from './event-store/commit.ts'
import { createRevokedTokens } from './revoked-tokens.ts'

const START = Date.parse('2026-11-24T12:00:00.000Z')
const at = (seconds: number) => new Date(START + seconds * 1000).toISOString()
const AGENT = 'agt_00000000000000000000000000'
const revoked = (token: string, now: number, expires: number): RecordedCommit =>
  commit(now, { type: 'credence.identity.token.revoked.v1', data: { agent: AGENT, token, expires_at: at(expires) } })
const issued = (token: string, subject_token: string | undefined, now: number): RecordedCommit =>
  commit(now, {
    type: 'credence.identity.token.issued.v1',
    data: {
      agent: AGENT,
      token,
      grant: 'grt_00000000000000000000000000',
      delegation: 'dlg_00000000000000000000000000',
      audience: CALENDAR,
      authorization_details: [detail()],
      key_thumbprint: 'x',
      expires_at: at(now + 600),
      ...(subject_token ? { subject_token } : {}),
    },
  })
const commit = (now: number, fact: Fact): RecordedCommit => ({
  id: `evt_${now}`,
  facts: [fact],
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

  it('take with them what was exchanged for them, before and after, and nothing else', () => {
    const tokens = createRevokedTokens()
    for (const commit of [
      issued('a', undefined, 0),
      issued('b', 'a', 1),
      issued('c', 'b', 2),
      issued('d', undefined, 3),
    ])
      tokens.apply(commit)
    tokens.apply(revoked('b', 4, 601))
    tokens.apply(issued('e', 'c', 5))
    expect(['a', 'b', 'c', 'd', 'e'].filter(tokens.has)).toEqual(['b', 'c', 'e'])
    // Two that name each other, which no server would make, end as well.
    tokens.apply(issued('x', 'y', 6))
    tokens.apply(issued('y', 'x', 6))
    tokens.apply(revoked('x', 7, 600))
    expect(['x', 'y'].every(tokens.has)).toBe(true)
  })

  it('are kept in a snapshot and known again, with what was exchanged for what', () => {
    const [before, after] = [createRevokedTokens(), createRevokedTokens()]
    for (const one of [issued('b', 'a', 0), issued('d', 'c', 1), issued('e', 'c', 1), revoked('a', 2, 600)])
      before.apply(one)
    const entries = [...structuredClone([...before.dump()])]
    before.apply(revoked('c', 3, 600))
    for (const entry of entries) after.load(entry)
    expect(['a', 'b', 'c', 'd', 'e'].filter(after.has)).toEqual(['a', 'b'])
    after.apply(revoked('c', 3, 600))
    expect(['a', 'b', 'c', 'd', 'e'].filter(after.has)).toEqual(['a', 'b', 'c', 'd', 'e'])
    after.clear()
    expect(after.size()).toBe(0)
  })

  it('take bounded memory, however many were ever revoked', () => {
    const tokens = createRevokedTokens()
    for (let second = 0; second < 5_000; second++) {
      tokens.apply(revoked(`t${second}`, second, second + 600))
      tokens.apply(issued(`u${second}`, `t${second}`, second))
    }
    expect(tokens.size()).toBeLessThanOrEqual(3 * 661)
  })
})
