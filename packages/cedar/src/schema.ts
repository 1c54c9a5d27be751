/** A Cedar schema in its JSON form, read into types with all names resolved and the action groups closed. */
import { Ancestors, type KnownEntity, knownEntity, NO_ATTRIBUTES } from './entity.ts'
import { InvalidInput } from './json.ts'
import { typeReader } from './schema-types.ts'
import { UidMap } from './uid-map.ts'
import type { EntityUid } from './value.ts'

export type Type =
  | { kind: 'boolean' | 'string' | 'long' }
  | { kind: 'entity' | 'extension'; name: string }
  | { kind: 'set'; element: Type }
  | RecordType
export type RecordType = {
  kind: 'record'
  attributes: ReadonlyMap<string, { type: Type; required: boolean }>
  /** Further attributes are allowed (partial schemas). */
  open: boolean
}

export type EntityType = {
  name: string
  attributes: RecordType
  tags?: Type
  /** Types of all ancestors, not only of parents. */
  ancestorTypes: ReadonlySet<string>
  /** RFC 53: the only ids there are. */
  ids?: ReadonlySet<string>
}

export type Action = {
  entity: KnownEntity
  principalTypes: ReadonlySet<string>
  resourceTypes: ReadonlySet<string>
  context: RecordType
}

export type Schema = {
  entityTypes: ReadonlyMap<string, EntityType>
  actions: UidMap<Action>
}

/** As cedar-wasm's schemaToJson gives it; checked as far as it is used. */
export type SchemaJson = Record<string, NamespaceJson>
export type NamespaceJson = {
  commonTypes?: Record<string, object>
  entityTypes?: Record<string, object>
  actions?: Record<string, object>
}

type EntityTypeJson = { memberOfTypes?: string[]; shape?: object; tags?: object; enum?: string[] }
type ActionJson = {
  memberOf?: { id: string; type?: string }[]
  appliesTo?: { principalTypes?: string[]; resourceTypes?: string[]; context?: object }
}

const EMPTY_RECORD: RecordType = { kind: 'record', attributes: new Map(), open: false }

/** @throws InvalidInput for a name that nothing declares, or a cycle */
export function readSchema(json: SchemaJson): Schema {
  const { readType, entityTypeName } = typeReader(json)
  const entityTypes = new Map<string, EntityType>()
  const parents = new Map<string, string[]>()
  const actions: { uid: EntityUid; parents: EntityUid[]; action: Omit<Action, 'entity'> }[] = []
  const asRecord = (type: object | undefined, namespace: string): RecordType => {
    const read = type ? readType(type, namespace) : EMPTY_RECORD
    if (read.kind !== 'record') throw new InvalidInput('schema', 'has a shape or context that is no record')
    return read
  }

  for (const [namespace, of] of Object.entries(json)) {
    for (const [id, declared] of Object.entries(of.entityTypes ?? {})) {
      const type = declared as EntityTypeJson
      const name = qualified(namespace, id)
      parents.set(
        name,
        (type.memberOfTypes ?? []).map((parent) => entityTypeName(parent, namespace)),
      )
      entityTypes.set(name, {
        name,
        attributes: asRecord(type.shape, namespace),
        ...(type.tags && { tags: readType(type.tags, namespace) }),
        ...(type.enum && { ids: new Set(type.enum) }),
        ancestorTypes: new Set(),
      })
    }
    for (const [id, declared] of Object.entries(of.actions ?? {})) {
      const { memberOf = [], appliesTo = {} } = declared as ActionJson
      const types = (names: string[] = []) => new Set(names.map((type) => entityTypeName(type, namespace)))
      actions.push({
        uid: { type: qualified(namespace, 'Action'), id },
        parents: memberOf.map((group) => actionUid(group, namespace, json)),
        action: {
          principalTypes: types(appliesTo.principalTypes),
          resourceTypes: types(appliesTo.resourceTypes),
          context: asRecord(appliesTo.context, namespace),
        },
      })
    }
  }
  const closed = new Map<string, EntityType>()
  for (const [name, type] of entityTypes) closed.set(name, { ...type, ancestorTypes: closure(name, parents) })
  return { entityTypes: closed, actions: closeActions(actions) }
}

export const qualified = (namespace: string, name: string): string => (namespace ? `${namespace}::${name}` : name)

/** An action's group is of the namespace's own action type unless that has no such action. */
function actionUid(group: { id: string; type?: string }, namespace: string, json: SchemaJson): EntityUid {
  const { id, type = 'Action' } = group
  const own = { type: qualified(namespace, type), id }
  const declares = (uid: EntityUid) => {
    const at = uid.type.lastIndexOf('::')
    const actions = json[at < 0 ? '' : uid.type.slice(0, at)]?.actions
    return actions !== undefined && Object.hasOwn(actions, id)
  }
  if (declares(own)) return own
  if (declares({ type, id })) return { type, id }
  throw new InvalidInput('schema', `has an action group ${type}::${JSON.stringify(id)} that nothing declares`)
}

function closure(name: string, parents: ReadonlyMap<string, string[]>): Set<string> {
  const found = new Set(parents.get(name))
  // A set that grows while it is walked is walked to its new end.
  for (const type of found) for (const above of parents.get(type) ?? []) found.add(above)
  return found
}

function closeActions(
  actions: readonly { uid: EntityUid; parents: EntityUid[]; action: Omit<Action, 'entity'> }[],
): UidMap<Action> {
  const parents = new UidMap<EntityUid[]>()
  for (const { uid, parents: direct } of actions) parents.set(uid, direct)
  const closed = new UidMap<Action>()
  for (const { uid, action } of actions) {
    const ancestors = new Ancestors(parents.get(uid) ?? [], (group) => parents.get(group) ?? [])
    if (ancestors.has(uid.type, uid.id)) throw new InvalidInput('schema', 'has a cycle among its action groups')
    closed.set(uid, { ...action, entity: knownEntity(uid, NO_ATTRIBUTES, ancestors) })
  }
  return closed
}
