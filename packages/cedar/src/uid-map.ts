/** A map by entity uid. Two levels, since a uid joined to one text would have to be built for each look-up. */
import type { EntityUid } from './value.ts'

export class UidMap<T> {
  readonly #byType = new Map<string, Map<string, T>>()
  size = 0

  get(uid: EntityUid): T | undefined {
    return this.#byType.get(uid.type)?.get(uid.id)
  }

  set(uid: EntityUid, value: T): void {
    let ids = this.#byType.get(uid.type)
    if (!ids) {
      ids = new Map()
      this.#byType.set(uid.type, ids)
    }
    if (!ids.has(uid.id)) this.size++
    ids.set(uid.id, value)
  }

  hasType(type: string): boolean {
    return this.#byType.has(type)
  }

  *values(): IterableIterator<T> {
    for (const ids of this.#byType.values()) yield* ids.values()
  }
}
