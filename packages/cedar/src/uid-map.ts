/**
 * A map by entity uid. Two levels, since a uid joined to one text would have to be built for each look-up; the first
 * type has its level to itself, since most maps know one type, and each map on the way is memory to wait for.
 */
import type { EntityUid } from './value.ts'

export class UidMap<T> {
  #firstType: string | undefined
  #first: Map<string, T> | undefined
  #others: Map<string, Map<string, T>> | undefined
  size = 0

  get(uid: EntityUid): T | undefined {
    if (uid.type === this.#firstType) return this.#first?.get(uid.id)
    return this.#others?.get(uid.type)?.get(uid.id)
  }

  set(uid: EntityUid, value: T): void {
    const ids = this.#idsOf(uid.type)
    if (!ids.has(uid.id)) this.size++
    ids.set(uid.id, value)
  }

  hasType(type: string): boolean {
    return type === this.#firstType || this.#others?.has(type) === true
  }

  *values(): IterableIterator<T> {
    if (this.#first) yield* this.#first.values()
    if (this.#others) for (const ids of this.#others.values()) yield* ids.values()
  }

  #idsOf(type: string): Map<string, T> {
    if (!this.#first) {
      this.#firstType = type
      this.#first = new Map()
    }
    if (type === this.#firstType) return this.#first
    this.#others ??= new Map()
    let ids = this.#others.get(type)
    if (!ids) {
      ids = new Map()
      this.#others.set(type, ids)
    }
    return ids
  }
}
