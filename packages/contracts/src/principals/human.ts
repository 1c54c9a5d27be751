/** A person as every service folds them from IDENTITY: a pseudonym, their place, and whether they are still there. */
import type { Fact } from '../events/catalog.ts'

export type Human = {
  human: string
  manager?: string
  groups: string[]
  active: boolean
  /** When they last left (RFC 3339): what they gave until then has ended, even if they return. */
  leftAt?: string
  /** Nobody knows any more who it was. */
  forgotten?: boolean
}
export type HumanState = Human | undefined

export const humanEvolution = { initialState: undefined as HumanState, evolve }

const first = (human: string): Human => ({ human, groups: [], active: true })

function evolve(state: HumanState, fact: Fact): HumanState {
  switch (fact.type) {
    case 'credence.identity.human.recognised.v1':
      return state ?? first(fact.data.human)
    case 'credence.identity.human.placed.v1':
      return { ...(state ?? first(fact.data.human)), manager: fact.data.manager, groups: fact.data.groups }
    case 'credence.identity.human.deactivated.v1':
      return { ...(state ?? first(fact.data.human)), active: false, leftAt: fact.data.left_at }
    case 'credence.identity.human.reactivated.v1':
      return { ...(state ?? first(fact.data.human)), active: true }
    case 'credence.identity.human.forgotten.v1':
      return state && { human: state.human, groups: [], active: false, leftAt: state.leftAt, forgotten: true }
    default:
      return state
  }
}
