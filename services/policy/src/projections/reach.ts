/** Which agents have an open task whose grant names resources of a type: the candidates of a subject search, in order. */
import type { Task } from '../domain/task.ts'

export type Reach = ReturnType<typeof createReach>

export function createReach() {
  /** By resource type, sorted: ids are made in the order of time, so nearly all are added at the end. */
  const agents = new Map<string, string[]>()
  /** How many open tasks an agent has that name the type; by type, then agent. */
  const counts = new Map<string, Map<string, number>>()

  function count(task: Task, by: 1 | -1): void {
    const { agent } = task
    for (const type of typesIn(task)) {
      const of = counts.get(type) ?? new Map<string, number>()
      counts.set(type, of)
      const now = (of.get(agent) ?? 0) + by
      if (now > 0) of.set(agent, now)
      else of.delete(agent)
      if (by === 1 && now === 1) insert(agents.get(type) ?? [], type, agent)
      if (by === -1 && now === 0) remove(agents.get(type) ?? [], agent)
    }
  }
  function insert(sorted: string[], type: string, agent: string): void {
    agents.set(type, sorted)
    const at = placeOf(sorted, agent)
    if (at === sorted.length) sorted.push(agent)
    else sorted.splice(at, 0, agent)
  }
  function remove(sorted: string[], agent: string): void {
    const at = placeOf(sorted, agent)
    if (sorted[at] === agent) sorted.splice(at, 1)
  }
  return {
    /** Call when its grant is issued. */
    opened: (task: Task) => count(task, 1),
    /** Call once, when it is over. */
    closed: (task: Task) => count(task, -1),
    clear: () => {
      agents.clear()
      counts.clear()
    },
    /** In order, after this one, at most so many. */
    agents: (type: string, after: string, most: number): string[] => {
      const sorted = agents.get(type) ?? []
      const at = placeOf(sorted, after)
      const from = sorted[at] === after ? at + 1 : at
      return sorted.slice(from, from + most)
    },
  }
}

const typesIn = ({ grant }: Task): Set<string> =>
  new Set(
    (grant?.authorization_details ?? []).flatMap(({ resources }) =>
      resources.map((name) => name.slice(0, name.indexOf('::'))),
    ),
  )

/** Where it stands, or would. */
function placeOf(sorted: readonly string[], wanted: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as string) < wanted) low = middle + 1
    else high = middle
  }
  return low
}
