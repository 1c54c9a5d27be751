/** Entities as a decision sees them: attributes, tags and all ancestors. */
import type { CedarRecord, EntityUid } from './value.ts'

/** As written down: with direct parents. */
export type Entity = {
  uid: EntityUid
  attributes: CedarRecord
  tags?: CedarRecord
  parents: readonly EntityUid[]
}

/** As looked up: with all ancestors. */
export type KnownEntity = {
  readonly uid: EntityUid
  readonly attributes: CedarRecord
  readonly tags: CedarRecord
  readonly ancestors: Ancestors
}

/** Where a decision finds entities. Must answer the same for the same uid during one evaluation. */
export type Entities = (uid: EntityUid) => KnownEntity | undefined

/** A set of entities with constant look-up that allocates nothing, and a list to walk over. */
export class Ancestors {
  readonly list: readonly EntityUid[]
  readonly #ids = new Map<string, Set<string>>()

  /**
   * @param uids may hold an entity several times
   * @param parentsOf to add what is above each, breadth first and without recursion: depth costs no stack
   */
  constructor(uids: Iterable<EntityUid>, parentsOf?: (uid: EntityUid) => Iterable<EntityUid>) {
    const list: EntityUid[] = []
    const add = (uid: EntityUid) => {
      const ids = this.#ids.get(uid.type)
      if (!ids) this.#ids.set(uid.type, new Set([uid.id]))
      else if (ids.has(uid.id)) return
      else ids.add(uid.id)
      list.push(uid)
    }
    for (const uid of uids) add(uid)
    if (parentsOf) for (let at = 0; at < list.length; at++) for (const uid of parentsOf(list[at] as EntityUid)) add(uid)
    this.list = list
  }

  has(type: string, id: string): boolean {
    return this.#ids.get(type)?.has(id) === true
  }
}

export const NO_ANCESTORS = new Ancestors([])
export const NO_ATTRIBUTES: CedarRecord = new Map()

/** For callers that know the ancestors themselves: all of them, not only the parents. */
export const knownEntity = (
  uid: EntityUid,
  attributes: CedarRecord = NO_ATTRIBUTES,
  ancestors: Ancestors = NO_ANCESTORS,
  tags: CedarRecord = NO_ATTRIBUTES,
): KnownEntity => ({ uid, attributes, ancestors, tags })

export const noEntities: Entities = () => undefined
