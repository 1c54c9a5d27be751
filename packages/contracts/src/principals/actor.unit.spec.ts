import { describe, expect, it } from 'vitest'
import { type Actor, faultOf, isSameChain, MAX_ACTORS } from './actor.ts'

const iss = 'spiffe://acme.example'
const chain = (...names: string[]): Actor | undefined =>
  names.reduceRight<Actor | undefined>((act, sub) => ({ iss, sub, ...(act ? { act } : {}) }), undefined)
const deep = (depth: number) => chain(...Array.from({ length: depth }, (_, at) => `agent-${at}`))

describe('a chain of actors', () => {
  it('may be absent, and as long as the limit, and no longer: RFC 8693 §4.1, never cut', () => {
    expect(faultOf(undefined)).toBe(undefined)
    expect(faultOf(deep(1))).toBe(undefined)
    expect(faultOf(deep(MAX_ACTORS))).toBe(undefined)
    for (const depth of [MAX_ACTORS + 1, 1_000, 100_000]) expect(faultOf(deep(depth))).toBe('act_too_deep')
  })

  it('ends, though it were a circle', () => {
    const circle = { iss, sub: 'a' } as Actor
    circle.act = { iss, sub: 'b', act: circle }
    expect(faultOf(circle)).toBe('act_too_deep')
  })

  it('has iss and sub in every actor, as the profile demands', () => {
    const odd = [
      null,
      [],
      'a',
      7,
      true,
      {},
      { sub: 'a' },
      { iss },
      { iss, sub: '' },
      { iss: 7, sub: 'a' },
      [{ iss, sub: 'a' }],
    ]
    for (const act of odd) {
      expect(faultOf(act)).toBe('act_malformed')
      expect(faultOf({ iss, sub: 'outer', act })).toBe('act_malformed')
    }
  })

  it('is the same with the same actors in the same order, whatever else is said of them', () => {
    expect(isSameChain(undefined, undefined)).toBe(true)
    expect(isSameChain(chain('a', 'b'), { ...(chain('a', 'b') as Actor), sub_profile: 'ai_agent' })).toBe(true)
    for (const other of [undefined, chain('a'), chain('b', 'a'), chain('a', 'b', 'c'), chain('a', 'c')])
      for (const pair of [
        [chain('a', 'b'), other],
        [other, chain('a', 'b')],
      ] as const)
        expect(isSameChain(...pair)).toBe(false)
    expect(isSameChain(chain('a'), { iss: 'https://evil.example', sub: 'a' })).toBe(false)
  })
})
