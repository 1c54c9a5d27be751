/** A read model: what is folded from one stream, and how it is kept in a snapshot and taken back from one. */
import type { RecordedCommit } from './commit.ts'

export type ReadModel = {
  /** Unique among the models of a service. */
  name: string
  apply(commit: RecordedCommit): void
  /**
   * All that it holds at the moment of this call, as values that can be cloned (`v8.serialize`). It is walked later, while
   * `apply` goes on: so what is given out here must be replaced when it changes, never altered.
   */
  dump(): Iterable<unknown>
  /** Takes back one entry that `dump` gave, in the same order. What can be derived is derived here again. */
  load(entry: unknown): void
  /** Forgets everything, as before the first event. */
  clear(): void
}

type Kept<Value> = Pick<ReadModel, 'dump' | 'clear'> & { load(entry: unknown): Value }

/** How a map is kept. Its values are replaced, never altered. */
export const keptMap = <V>(map: Map<string, V>): Kept<V> => ({
  dump: () => {
    // Copying the two columns takes a moment; making all the pairs at once would be felt.
    const keys = [...map.keys()]
    const values = [...map.values()]
    return (function* () {
      for (const [index, key] of keys.entries()) yield [key, values[index]]
    })()
  },
  load: (entry) => {
    const [key, value] = entry as [string, V]
    map.set(key, value)
    return value
  },
  clear: () => map.clear(),
})

/** One that holds nothing and only hears what happens. */
export const listener = (name: string, apply: ReadModel['apply']): ReadModel => ({
  name,
  apply,
  dump: () => [],
  load: () => undefined,
  clear: () => undefined,
})
