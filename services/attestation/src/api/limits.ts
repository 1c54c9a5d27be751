/** How often an agent may have evidence appraised: each time costs signatures, and an event that is kept for good. */
import { CredenceError } from '@credence/contracts/errors'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { Limits } from './context.ts'

const SUBMISSIONS = 30
const WITHIN_SECONDS = 60

export function createLimits(submissions = SUBMISSIONS): Limits {
  const buckets = new RateLimiterMemory({ points: submissions, duration: WITHIN_SECONDS })
  return {
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
