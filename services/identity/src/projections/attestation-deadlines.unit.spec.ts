import type { Agent, AgentState } from '@credence/contracts/principals/agent'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as facts from '../../../../infra/testing/facts.ts'
import { NOW } from '../../../../infra/testing/facts.ts'
import type { AgentListener } from './agent-index.ts'
import { createDeadlines } from './attestation-deadlines.ts'

const at = (milliseconds: number) => new Date(NOW.getTime() + milliseconds)
const active = (milliseconds: number, state: Agent['state'] = 'active'): Agent => ({
  ...facts.agent(),
  state,
  result: { id: 'att_1', expiresAt: at(milliseconds).toISOString(), keyThumbprint: 'first' },
})

/** Agents by name, and a way to change them. */
function made(before: Record<string, Agent> = {}) {
  const agents = new Map<string, AgentState>(Object.entries(before))
  let tell: AgentListener = () => undefined
  const deadlines = createDeadlines({
    all: () => agents.entries(),
    of: (id) => agents.get(id),
    listen: (listener) => {
      tell = listener
    },
  })
  const become = (id: string, agent: Agent) => {
    agents.set(id, agent)
    tell([id], 1)
  }
  return { agents, deadlines, become }
}

describe('deadlines of attestation', () => {
  it('are met to the millisecond', () => {
    const { deadlines } = made({ a: active(1_500), b: active(1_501), c: active(9_000) })
    expect(deadlines.due(at(1_499))).toEqual([])
    expect(deadlines.due(at(1_500))).toEqual(['a'])
    expect(deadlines.due(at(1_600)).sort()).toEqual(['a', 'b'])
  })
  it('are moved by a newer result, and gone with an agent that is not active', () => {
    const { deadlines, become } = made({ a: active(1_000), b: active(1_000) })
    become('a', active(5_000))
    become('b', active(1_000, 'quarantined'))
    expect(deadlines.due(at(2_000))).toEqual([])
    expect(deadlines.due(at(5_000))).toEqual(['a'])
    become('a', active(5_000, 'suspended'))
    expect([deadlines.due(at(6_000)), deadlines.size()]).toEqual([[], 0])
  })
  it('that are over already when an agent comes back count at once', () => {
    const { deadlines, become } = made()
    expect(deadlines.due(at(10_000))).toEqual([])
    become('a', active(3_000))
    expect(deadlines.due(at(10_001))).toEqual(['a'])
  })
  it('are found as a walk over all agents finds them', () => {
    const steps = fc.array(
      fc.record({
        id: fc.constantFrom('a', 'b', 'c', 'd'),
        until: fc.integer({ min: 0, max: 20_000 }),
        state: fc.constantFrom<Agent['state']>('active', 'active', 'suspended', 'revoked'),
        pass: fc.integer({ min: 0, max: 4_000 }),
      }),
      { maxLength: 20 },
    )
    fc.assert(
      fc.property(steps, (all) => {
        const { agents, deadlines, become } = made()
        let now = 0
        for (const { id, until, state, pass } of all) {
          become(id, active(until, state))
          now += pass
          const wanted = [...agents].filter(
            ([, agent]) => agent?.state === 'active' && Date.parse(agent.result?.expiresAt ?? '') <= at(now).getTime(),
          )
          expect(deadlines.due(at(now)).sort()).toEqual(wanted.map(([name]) => name).sort())
        }
      }),
    )
  })
  it('of a hundred thousand agents cost a sweep what is due, not what is kept', () => {
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`a${n}`, active(1_000 + (n % 300_000))]))
    const { deadlines } = made(many)
    deadlines.due(at(0))
    const before = performance.now()
    for (let tick = 0; tick < 100; tick++) deadlines.due(at(tick))
    expect((performance.now() - before) / 100).toBeLessThan(5)
  })
})
