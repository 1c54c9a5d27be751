/** All versions of the policies, which of them count, and where in the stream their text lies. */
import { aggregates } from '@credence/shared/event-store/aggregates'
import { keptMap, type ReadModel } from '@credence/shared/event-store/read-model'
import { liveEvolution, useOf } from '../domain/live.ts'
import { isComplete, type PolicySet, policySetEvolution } from '../domain/policyset.ts'

/** The one aggregate of its kind. */
export const LIVE = 'policies'

export type Standing = 'draft' | 'validated' | 'report_only' | 'active' | 'retired'

/** Sequences of the commits that hold the parts of a text, in the order of the parts. */
export type Places = { policies: readonly number[]; schema: readonly number[] }

export type PolicySets = ReturnType<typeof createPolicySets>

export function createPolicySets() {
  const sets = aggregates('policy', 'policyset', policySetEvolution)
  const live = aggregates('policy', 'live', liveEvolution)
  const places = new Map<string, Places>()
  const text: ReadModel = {
    name: 'policy/policyset-text',
    ...keptMap(places),
    apply: ({ facts, sequence }) => {
      for (const { type, data } of facts) {
        if (type !== 'credence.policy.policyset.text_added.v1') continue
        const { version, of, part } = data
        const known = places.get(version) ?? { policies: [], schema: [] }
        const parts = [...known[of]]
        parts[part] = sequence
        places.set(version, { ...known, [of]: parts })
      }
    },
  }
  return {
    models: [sets, live, text] as readonly ReadModel[],
    sets,
    live,
    get: (version: string) => sets.get(version).state,
    /** Where the text of a version lies; undefined until all of it has come. */
    placesOf: (version: string): Places | undefined => {
      const set = sets.get(version).state
      return set && isComplete(set) ? (places.get(version) ?? { policies: [], schema: [] }) : undefined
    },
    /** The active version and those in report-only, as they stand in the stream; loaded or not. */
    counting: () => live.get(LIVE).state,
    standingOf: (set: PolicySet): Standing => {
      // An activation and a retirement at the same moment can both be recorded. What is enforced is what is shown.
      const use = useOf(live.get(LIVE).state, set.version)
      if (use) return use === 'active' ? 'active' : 'report_only'
      return set.retired ? 'retired' : set.validated ? 'validated' : 'draft'
    },
    /** The newest first. */
    list: (): PolicySet[] =>
      [...sets.all()]
        .flatMap(([, set]) => set ?? [])
        .sort((left, right) => (left.draftedAt < right.draftedAt ? 1 : -1)),
  }
}
