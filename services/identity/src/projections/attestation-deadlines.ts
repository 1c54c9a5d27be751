/**
 * Which active agents’ attestation results are over: by the second in which they end, so that nobody walks over all agents to
 * find the few.
 */
import type { AgentState } from '@credence/contracts/principals/agent'
import type { AgentListener } from './agent-index.ts'

type Agents = {
  all: () => IterableIterator<[id: string, state: AgentState]>
  of: (id: string) => AgentState
  /** Called with the ids of agents that changed. */
  listen: (listener: AgentListener) => unknown
}

export type Deadlines = ReturnType<typeof createDeadlines>

/** Looks at all agents once, and from then on at those that change. */
export function createDeadlines(agents: Agents) {
  const bySecond = new Map<number, Set<string>>()
  const secondOf = new Map<string, number>()
  /** Those whose second has come. */
  const reached = new Set<string>()
  /** The second up to which all were moved there. */
  let current = Number.NEGATIVE_INFINITY

  function keep(id: string, state: AgentState): void {
    const result = state?.state === 'active' ? state.result : undefined
    const second = result && secondIn(Date.parse(result.expiresAt))
    const before = secondOf.get(id)
    if (second === before) return
    if (before !== undefined) forget(id, before)
    if (second === undefined) return
    secondOf.set(id, second)
    const others = bySecond.get(second)
    if (second <= current) reached.add(id)
    else if (others) others.add(id)
    else bySecond.set(second, new Set([id]))
  }
  function forget(id: string, second: number): void {
    secondOf.delete(id)
    reached.delete(id)
    const others = bySecond.get(second)
    others?.delete(id)
    if (others?.size === 0) bySecond.delete(second)
  }
  function reach(second: number): void {
    for (const id of bySecond.get(second) ?? []) reached.add(id)
    bySecond.delete(second)
  }
  function moveTo(now: number): void {
    if (now <= current) return
    // At first, and after a long pause, there are fewer seconds with agents in them than seconds that went by.
    if (now - current > bySecond.size) {
      for (const second of [...bySecond.keys()]) if (second <= now) reach(second)
    } else for (let second = current + 1; second <= now; second++) reach(second)
    current = now
  }

  for (const [id, state] of agents.all()) keep(id, state)
  agents.listen((ids) => {
    for (const id of ids) keep(id, agents.of(id))
  })

  return {
    /** Agents that are active on a result that is over; they are named again until they are not. */
    due: (now: Date): string[] => {
      moveTo(secondIn(now.getTime()))
      return [...reached].filter((id) => {
        const result = agents.of(id)?.result
        return result && new Date(result.expiresAt) <= now
      })
    },
    /** How many are kept. */
    size: (): number => secondOf.size,
  }
}

const secondIn = (milliseconds: number): number => Math.floor(milliseconds / 1000)
