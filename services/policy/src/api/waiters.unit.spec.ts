import { describe, expect, it } from 'vitest'
import { createWaiters } from './waiters.ts'

const agent = (id: string) => ({ kind: 'agent' as const, id })
const settle = () => new Promise((resolve) => setTimeout(resolve, 0))

function open() {
  const waiters = createWaiters({ agent: 2, other: 3, all: 4 })
  const ends: (() => void)[] = []
  const outcomes: string[] = []
  const wait = (caller: { kind: 'agent' | 'workload'; id: string }) => {
    const until = () => new Promise<void>((resolve) => ends.push(resolve))
    waiters.wait(caller, until).then(
      () => outcomes.push('waited'),
      (error) => outcomes.push(error.reason),
    )
  }
  return { wait, outcomes, end: () => ends.shift()?.() }
}

describe('calls that wait', () => {
  it('are bounded for one agent, for any other caller, and in all', async () => {
    const { wait, outcomes } = open()
    for (let call = 0; call < 3; call++) wait(agent('a'))
    await settle()
    expect(outcomes).toEqual(['too_many_waiting'])
    wait({ kind: 'workload', id: 'pep' })
    wait({ kind: 'workload', id: 'pep' })
    wait({ kind: 'workload', id: 'pep' })
    await settle()
    expect(outcomes).toEqual(['too_many_waiting', 'too_many_waiting'])
  })
  it('make room when they end, also when they fail', async () => {
    const { wait, outcomes, end } = open()
    wait(agent('a'))
    wait(agent('a'))
    end()
    await settle()
    wait(agent('a'))
    await settle()
    expect(outcomes).toEqual(['waited'])
    const waiters = createWaiters({ agent: 1, other: 1, all: 1 })
    await expect(waiters.wait(agent('a'), () => Promise.reject(new Error('gone')))).rejects.toThrow('gone')
    await waiters.wait(agent('b'), async () => undefined)
  })
})
