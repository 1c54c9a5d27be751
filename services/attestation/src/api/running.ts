/** How many agents run on something, for whoever withdraws it to know what they do. */
import { hasEnded } from '@credence/contracts/principals/agent'
import { counts } from '../domain/standing.ts'
import type { Context } from './context.ts'

export function runningOn(
  id: string,
  { appraisals, principals, clock }: Pick<Context, 'appraisals' | 'principals' | 'clock'>,
): number {
  const now = clock()
  let count = 0
  for (const name of appraisals.results.restingOn(id)) {
    const held = appraisals.results.of(name)?.accepted
    const agent = principals.agent(name)
    if (held && agent && counts(held, now) && !hasEnded(agent)) count++
  }
  return count
}
