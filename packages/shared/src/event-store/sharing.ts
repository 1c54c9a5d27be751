/** Equal values of many states as one value in memory: a hundred thousand agents of one blueprint name it once. */

export type Share = <State>(state: State) => State

/** When a member turns out to differ almost everywhere, what was collected of it is let go. */
const MOST_VALUES = 20_000

/**
 * @param members those whose values repeat from state to state
 * @returns a function that replaces them in a state, in place, by the equal ones of earlier states. Objects among them
 * are frozen: whoever altered one would alter it for everybody
 */
export function createSharing(members: readonly string[]): Share {
  const pools = members.map((member) => ({ member, values: new Map<string, unknown>() }))
  /** Objects that were seen already, so that their text is made once. */
  const seen = new WeakMap<object, unknown>()

  const shared = (values: Map<string, unknown>, key: string, value: unknown): unknown => {
    const known = values.get(key)
    if (known !== undefined) return known
    if (values.size >= MOST_VALUES) values.clear()
    values.set(key, value)
    return value
  }
  const sharedObject = (values: Map<string, unknown>, value: object): unknown => {
    const known = seen.get(value)
    if (known !== undefined) return known
    const found = shared(values, JSON.stringify(value), value)
    if (found === value) freeze(value)
    seen.set(value, found)
    return found
  }
  return (state) => {
    if (typeof state !== 'object' || state === null) return state
    const open = state as Record<string, unknown>
    for (const { member, values } of pools) {
      const value = open[member]
      if (typeof value === 'string') open[member] = shared(values, value, value)
      else if (typeof value === 'object' && value !== null) open[member] = sharedObject(values, value)
    }
    return state
  }
}

function freeze(value: object): void {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) freeze(part)
  Object.freeze(value)
}
