/** Who waits for something to happen to a thing, and is woken when it does. */
export type Changes = {
  /** Something has happened to it. */
  happened(id: string): void
  /** Resolves when something happens to it, and else when `ms` have passed: not before, so that a deadline has then passed. */
  next(id: string, ms: number): Promise<void>
}

export function createChanges(): Changes {
  const watchers = new Map<string, Set<() => void>>()
  return {
    happened: (id) => {
      for (const wake of watchers.get(id) ?? []) wake()
    },
    next: (id, ms) =>
      new Promise<void>((resolve) => {
        const waiting = watchers.get(id) ?? new Set()
        const end = () => {
          clearTimeout(timer)
          waiting.delete(end)
          if (waiting.size === 0) watchers.delete(id)
          resolve()
        }
        // A timer counts whole milliseconds of the loop’s clock, so it may come up to one too early.
        const until = performance.now() + ms
        const look = () => {
          const left = until - performance.now()
          if (left > 0) timer = setTimeout(look, Math.ceil(left))
          else end()
        }
        let timer = setTimeout(look, ms)
        watchers.set(id, waiting.add(end))
      }),
  }
}
