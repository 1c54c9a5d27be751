/** Work that has to wait for its turn: one after the other for each key, keys side by side. */
export type InTurn = <T>(key: string, work: () => Promise<T>) => Promise<T>

export function createTurns(): InTurn {
  const queues = new Map<string, Promise<unknown>>()
  return (key, work) => {
    const result = (queues.get(key) ?? Promise.resolve()).then(work, work)
    const settled = result.catch(() => undefined)
    queues.set(key, settled)
    void settled.then(() => queues.get(key) === settled && queues.delete(key))
    return result
  }
}
