/**
 * Reports what happened. An effect stays in the queue until audit has acknowledged it; a full queue means that calls are
 * refused before they can have one.
 */
import type { ReportEffectRequest } from '@credence/contracts/gen/credence/audit/v1/audit'
import type { Clients } from '../clients.ts'

export type Effects = {
  /** False: too many effects wait; refuse the next call. */
  accepting(): boolean
  /** Resolves when audit has acknowledged it, or after `waitMs` with the report still in the queue. */
  report(effect: ReportEffectRequest, waitMs: number): Promise<void>
  /** Waits for what is queued. */
  drain(withinMs: number): Promise<void>
}

const MOST_WAITING = 1_000
const RETRY_MS = 250

export function createEffects(audit: Pick<Clients['audit'], 'reportEffect'>): Effects {
  const waiting = new Set<Promise<void>>()
  let closed = false

  async function deliver(effect: ReportEffectRequest): Promise<void> {
    while (!closed) {
      try {
        await audit.reportEffect(effect, { deadlineMs: 2_000 })
        return
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }
  const within = (work: Promise<unknown>, ms: number): Promise<void> =>
    Promise.race([work, new Promise((resolve) => setTimeout(resolve, ms).unref())]).then(() => undefined)

  return {
    accepting: () => waiting.size < MOST_WAITING,
    report: (effect, waitMs) => {
      const delivery = deliver(effect).finally(() => waiting.delete(delivery))
      waiting.add(delivery)
      return within(delivery, waitMs)
    },
    drain: async (withinMs) => {
      await within(Promise.all(waiting), withinMs)
      closed = true
    },
  }
}
