/** A person, as the record knows them: a pseudonym. Who it is stands in the erasable directory, and nowhere else. */

import { invalid, notFound, precondition } from '@credence/contracts/errors'
import type { IdentityFact } from '@credence/contracts/events/catalog'
import type { Human, HumanState } from '@credence/contracts/principals/human'

/** A pseudonym is given once. Recognising it again changes nothing. */
export function recogniseHuman(state: HumanState, human: string): IdentityFact[] {
  return state ? [] : [{ type: 'credence.identity.human.recognised.v1', data: { human } }]
}

/** Where somebody stands, as the company's directory says. Saying the same again changes nothing. */
export function placeHuman(
  state: HumanState,
  place: { human: string; manager: string | undefined; groups: string[] },
): IdentityFact[] {
  const { human, manager, groups } = place
  if (manager === human) throw invalid('manager_subject', 'must be another person')
  const same = state?.manager === manager && JSON.stringify(state?.groups) === JSON.stringify(groups)
  if (same) return []
  const data = { human, ...(manager ? { manager } : {}), groups }
  return [{ type: 'credence.identity.human.placed.v1', data }]
}

export function deactivateHuman(state: HumanState, human: string, reason: string, now: Date): IdentityFact[] {
  if (!state) throw notFound('human', human)
  if (!state.active) return []
  return [{ type: 'credence.identity.human.deactivated.v1', data: { human, reason, left_at: now.toISOString() } }]
}

export function reactivateHuman(state: HumanState, human: string, reason: string): IdentityFact[] {
  if (!state) throw notFound('human', human)
  if (state.forgotten) throw precondition('human_forgotten', 'The person was forgotten; they sign in as somebody new.')
  return state.active ? [] : [{ type: 'credence.identity.human.reactivated.v1', data: { human, reason } }]
}

/** Only who has left is forgotten: nobody could end any more what a person still answers for. */
export function forgetHuman(state: HumanState, human: string): IdentityFact[] {
  if (!state) throw notFound('human', human)
  if (state.active)
    throw precondition('human_active', 'Only who has left can be forgotten: deactivate the person first.')
  return state.forgotten ? [] : [{ type: 'credence.identity.human.forgotten.v1', data: { human } }]
}

export type Successor = { human: string; cause: 'manager' | 'group' }

const MAX_STEPS = 16

/**
 * Who answers next for what a leaver answered for: the nearest manager who is there, else the member of the successor
 * group who was recognised first (pseudonyms sort by time, so every replica picks the same).
 */
export function successorOf(
  left: Human,
  group: string | undefined,
  find: (id: string) => HumanState,
  everyone: () => Iterable<[string, HumanState]>,
): Successor | undefined {
  let manager = left.manager
  for (let step = 0; manager !== undefined && step < MAX_STEPS; step++) {
    const human = find(manager)
    if (human?.active && manager !== left.human) return { human: manager, cause: 'manager' }
    manager = human?.manager
  }
  if (!group) return undefined
  const members = [...everyone()].flatMap(([id, human]) =>
    human?.active && id !== left.human && human.groups.includes(group) ? [id] : [],
  )
  const [first] = members.sort()
  return first === undefined ? undefined : { human: first, cause: 'group' }
}
