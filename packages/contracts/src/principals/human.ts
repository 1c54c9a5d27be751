/** A person as every service folds them from IDENTITY: a pseudonym, their place, and whether they are still there. */
import type { Fact } from '../events/catalog.ts'

export type Human = {
  human: string
  manager?: string
  groups: string[]
  active: boolean
  /** When they last left (RFC 3339). */
  leftAt?: string
  /** How often they have left: what they gave in an earlier stay has ended, even if they return. */
  departures: number
  /** Nobody knows any more who it was. */
  forgotten?: boolean
}
export type HumanState = Human | undefined

export const humanEvolution = { initialState: undefined as HumanState, evolve }

const first = (human: string): Human => ({ human, groups: [], active: true, departures: 0 })

function evolve(state: HumanState, fact: Fact): HumanState {
  switch (fact.type) {
    case 'credence.identity.human.recognised.v1':
      return state ?? first(fact.data.human)
    case 'credence.identity.human.placed.v1':
      return { ...(state ?? first(fact.data.human)), manager: fact.data.manager, groups: fact.data.groups }
    case 'credence.identity.human.deactivated.v1':
      return departed(state ?? first(fact.data.human), fact.data.left_at)
    case 'credence.identity.human.reactivated.v1':
      return { ...(state ?? first(fact.data.human)), active: true }
    case 'credence.identity.human.forgotten.v1':
      return state && { ...first(state.human), ...remembered(state), active: false, forgotten: true }
    default:
      return state
  }
}

const departed = (human: Human, leftAt: string): Human => ({
  ...human,
  active: false,
  leftAt,
  departures: human.departures + 1,
})

const remembered = ({ leftAt, departures }: Human) => ({ ...(leftAt ? { leftAt } : {}), departures })
