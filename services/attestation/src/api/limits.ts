/** How often an agent may have evidence appraised: each time costs signatures, and an event that is kept for good. */
import { CredenceError } from '@credence/contracts/errors'
import { createTurns } from '@credence/shared/turns'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { Limits } from './context.ts'

const SUBMISSIONS = 30
const WITHIN_SECONDS = 60
/** Under way and waiting, of one agent: each may hold three megabytes. */
const AT_ONCE = 4

export function createLimits(submissions = SUBMISSIONS): Limits {
  const buckets = new RateLimiterMemory({ points: submissions, duration: WITHIN_SECONDS })
  const inTurn = createTurns()
  const underWay = new Map<string, number>()
  return {
    oneByOne: async (agent, submit) => {
      const others = underWay.get(agent) ?? 0
      if (others >= AT_ONCE)
        throw new CredenceError(
          'resource_exhausted',
          'too_many_submissions',
          `At most ${AT_ONCE} submissions at once. Wait for an answer, then try again.`,
        )
      underWay.set(agent, others + 1)
      try {
        return await inTurn(agent, submit)
      } finally {
        const left = (underWay.get(agent) ?? 1) - 1
        if (left > 0) underWay.set(agent, left)
        else underWay.delete(agent)
      }
    },
    refuseTooMany: async (agent) => {
      try {
        await buckets.consume(agent)
      } catch (refused) {
        if (!(refused instanceof RateLimiterRes)) throw refused
        throw new CredenceError(
          'resource_exhausted',
          'too_many_submissions',
          `At most ${submissions} submissions in ${WITHIN_SECONDS} seconds. Try again in ${Math.max(1, Math.ceil(refused.msBeforeNext / 1000))} seconds.`,
        )
      }
    },
  }
}
