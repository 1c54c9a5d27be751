/** Which running agents would not meet a version of a profile, by what they showed last. */
import { setImmediate as otherTurns } from 'node:timers/promises'
import { hasEnded, isHeld } from '@credence/contracts/principals/agent'
import type { Profile } from '../domain/profile.ts'
import { counts, underProfile } from '../domain/standing.ts'
import type { Context } from './context.ts'

const MOST_TOLD = 1_000
/** How many are appraised before others get their turn. */
const TURN = 25

export async function previewProfile(
  profile: Profile,
  { appraisals, principals, appraisers, clock }: Pick<Context, 'appraisals' | 'principals' | 'appraisers' | 'clock'>,
): Promise<{ agents: number; failing: { agentId: string; reasons: string[] }[] }> {
  const now = clock()
  const references = appraisals.referencesOf(profile.blueprint)
  const lists = appraisals.listsOf(profile.blueprint)
  const failing: { agentId: string; reasons: string[] }[] = []
  let agents = 0
  for (const id of [...appraisals.results.ofBlueprint(profile.blueprint)]) {
    const held = appraisals.results.of(id)?.accepted
    const agent = principals.agent(id)
    if (!held || !agent || !counts(held, now) || hasEnded(agent) || isHeld(agent)) continue
    if (++agents % TURN === 0) await otherTurns()
    const { unmet, until } = underProfile(held, profile, {
      agent,
      references,
      lists,
      isBlocked: appraisals.isBlocked,
      appraisers,
    })
    const reasons = unmet.length > 0 || until > now.getTime() ? unmet : ['result_too_old']
    if (reasons.length > 0 && failing.length < MOST_TOLD) failing.push({ agentId: id, reasons })
  }
  return { agents, failing }
}
