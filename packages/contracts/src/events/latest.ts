import type { EventData, EventType, Fact } from './catalog.ts'

/** The evolution of a thing that is what its newest fact says. */
export const latest = <T extends EventType>(type: T) => ({
  initialState: undefined as EventData<T> | undefined,
  evolve: (state: EventData<T> | undefined, fact: Fact): EventData<T> | undefined =>
    fact.type === type ? (fact.data as EventData<T>) : state,
})
