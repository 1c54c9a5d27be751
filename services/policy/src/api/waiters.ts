/** How many calls may wait at a time: each holds a socket's call and a timer, and nothing else. */
import { CredenceError } from '@credence/contracts/errors'
import type { Caller } from '@credence/shared/callers/caller'

/** Of one agent, of any other caller (an enforcement point waits for many agents), and of all together. */
export type WaiterLimits = { agent: number; other: number; all: number }

const LIMITS: WaiterLimits = { agent: 16, other: 500, all: 2_000 }

export function createWaiters(limits = LIMITS) {
  const waiting = new Map<string, number>()
  let all = 0
  return {
    /** @throws CredenceError `resource_exhausted` at once, without waiting, when too many wait already */
    wait: async (caller: Pick<Caller, 'kind' | 'id'>, until: () => Promise<void>): Promise<void> => {
      const own = waiting.get(caller.id) ?? 0
      if (all >= limits.all || own >= (caller.kind === 'agent' ? limits.agent : limits.other))
        throw new CredenceError(
          'resource_exhausted',
          'too_many_waiting',
          'Too many calls wait for approvals already. Let some end, or ask without waiting.',
        )
      waiting.set(caller.id, own + 1)
      all += 1
      try {
        await until()
      } finally {
        all -= 1
        const left = (waiting.get(caller.id) ?? 1) - 1
        if (left > 0) waiting.set(caller.id, left)
        else waiting.delete(caller.id)
      }
    },
  }
}
