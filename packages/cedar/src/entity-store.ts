/** A store that works out every entity's ancestors, and refuses what Cedar refuses. */
import {
  Ancestors,
  type Entities,
  type Entity,
  type KnownEntity,
  knownEntity,
  NO_ANCESTORS,
  NO_ATTRIBUTES,
} from './entity.ts'
import { InvalidInput } from './json.ts'
import { LIMITS } from './limits.ts'
import type { Schema } from './schema.ts'
import { UidMap } from './uid-map.ts'
import { type EntityUid, equal } from './value.ts'

/**
 * A store that answers with transitive ancestors. Named but unlisted parents are ancestors too. With a schema the store
 * also has its actions with their groups, and an action that is listed must agree with it.
 * @throws InvalidInput for a cycle, for one entity given twice with different content, or past a limit
 */
export function entityStore(entities: Iterable<Entity>, schema?: Schema): Entities {
  const listed = new UidMap<Entity>()
  for (const entity of entities) {
    if (schema && isAction(entity.uid)) agreeWithSchema(entity, schema)
    else addOnce(listed, entity)
  }
  refuseCycles(listed)
  const parentsOf = (uid: EntityUid) => listed.get(uid)?.parents ?? []
  const known = new UidMap<KnownEntity>()
  let kept = 0
  const find: Entities = (uid) => {
    const found = known.get(uid)
    if (found) return found
    const entity = listed.get(uid)
    if (!entity) return undefined
    const ancestors = entity.parents.length === 0 ? NO_ANCESTORS : new Ancestors(entity.parents, parentsOf)
    const result = knownEntity(entity.uid, entity.attributes, ancestors, entity.tags)
    // A chain of n entities has n²/2 ancestor entries: past the limit they are worked out anew each time.
    if (kept + ancestors.list.length <= LIMITS.keptAncestors) {
      kept += ancestors.list.length
      known.set(entity.uid, result)
    }
    return result
  }
  return schema ? (uid) => find(uid) ?? schema.actions.get(uid)?.entity : find
}

const isAction = ({ type }: EntityUid): boolean => type === 'Action' || type.endsWith('::Action')

const nameOf = (uid: EntityUid): string => `${uid.type}::${JSON.stringify(uid.id)}`

/** Cedar compares after both hierarchies are closed, so parents may be given in full or only the nearest. */
function agreeWithSchema(entity: Entity, schema: Schema): void {
  const ancestors = schema.actions.get(entity.uid)?.entity.ancestors
  if (!ancestors) throw new InvalidInput(nameOf(entity.uid), 'is an action that the schema does not declare')
  const given = new Ancestors(entity.parents, (uid) => schema.actions.get(uid)?.entity.ancestors.list ?? [])
  const same =
    given.list.length === ancestors.list.length && given.list.every(({ type, id }) => ancestors.has(type, id))
  if (!same || entity.attributes.size > 0 || (entity.tags?.size ?? 0) > 0)
    throw new InvalidInput(nameOf(entity.uid), 'differs from the action that the schema declares')
}

function addOnce(listed: UidMap<Entity>, entity: Entity): void {
  const existing = listed.get(entity.uid)
  if (existing && !sameEntity(existing, entity))
    throw new InvalidInput(nameOf(entity.uid), 'is given twice, with different content')
  if (entity.parents.length > LIMITS.parents)
    throw new InvalidInput(nameOf(entity.uid), `names more than ${LIMITS.parents} parents`)
  listed.set(entity.uid, entity)
  if (listed.size > LIMITS.entities) throw new InvalidInput('entities', `are more than ${LIMITS.entities}`)
}

function sameEntity(left: Entity, right: Entity): boolean {
  const [mine, theirs] = [new Ancestors(left.parents), new Ancestors(right.parents)]
  return (
    equal(left.attributes, right.attributes) &&
    equal(left.tags ?? NO_ATTRIBUTES, right.tags ?? NO_ATTRIBUTES) &&
    mine.list.length === theirs.list.length &&
    mine.list.every(({ type, id }) => theirs.has(type, id))
  )
}

/** Removes entities without remaining children until none is left (Kahn); what is left lies on or above a cycle. */
function refuseCycles(listed: UidMap<Entity>): void {
  const children = new UidMap<number>()
  for (const { parents } of listed.values())
    for (const parent of distinct(parents)) children.set(parent, (children.get(parent) ?? 0) + 1)
  const free: Entity[] = []
  for (const entity of listed.values()) if (!children.get(entity.uid)) free.push(entity)
  let removed = 0
  for (let entity = free.pop(); entity; entity = free.pop()) {
    removed++
    for (const parent of distinct(entity.parents)) {
      const rest = (children.get(parent) ?? 0) - 1
      children.set(parent, rest)
      const above = rest === 0 ? listed.get(parent) : undefined
      if (above) free.push(above)
    }
  }
  if (removed < listed.size) throw new InvalidInput('entities', 'have a cycle among their parents')
}

const distinct = (uids: readonly EntityUid[]): readonly EntityUid[] =>
  uids.length < 2 ? uids : new Ancestors(uids).list
