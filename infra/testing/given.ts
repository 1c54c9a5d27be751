/** Given facts, when a command is decided on the state that they fold to, then these facts, or this refusal. */
import type { CredenceError } from '@credence/contracts/errors'
import type { Fact } from '@credence/contracts/events/catalog'
import { expect } from 'vitest'

export function given<State>(
  evolution: { initialState: State; evolve: (state: State, fact: Fact) => State },
  facts: Fact[] = [],
) {
  const state = facts.reduce(evolution.evolve, evolution.initialState)
  return {
    when: (decide: (state: State) => Fact[]) => ({
      thenFacts: (...expected: { type: Fact['type']; data?: object }[]) => {
        const decided = decide(state)
        expect(decided.map(({ type }) => type)).toEqual(expected.map(({ type }) => type))
        for (const [index, { data }] of expected.entries()) if (data) expect(decided[index]?.data).toMatchObject(data)
      },
      thenNothing: () => expect(decide(state)).toEqual([]),
      thenRefused: (reason: string, field?: string) => {
        let refused: CredenceError | undefined
        try {
          decide(state)
        } catch (error) {
          refused = error as CredenceError
        }
        expect(refused?.reason).toBe(reason)
        if (field) expect(refused?.violations[0]?.field).toBe(field)
      },
    }),
  }
}
