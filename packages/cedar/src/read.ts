/** Entities and contexts from JSON text, with a schema or without. Nothing here is lenient: see json.ts, read-value.ts. */
import type { Entity } from './entity.ts'
import { InvalidInput, type Json, parseJson } from './json.ts'
import { checkListed, readRecord, readTyped, readTypedRecord, readUid, readValue } from './read-value.ts'
import type { Schema } from './schema.ts'
import type { CedarRecord, EntityUid, Value } from './value.ts'

/**
 * @param input JSON text, or what `parseJson` made of it
 * @param schema then each entity must be as it declares, and values may be written without escapes
 * @throws InvalidInput
 */
export function readEntities(input: string | Json, schema?: Schema): Entity[] {
  const json = typeof input === 'string' ? parseJson(input) : input
  if (!Array.isArray(json)) throw new InvalidInput('entities', 'must be an array')
  return json.map((entity, index) => readEntity(entity, schema, `entities[${index}]`))
}

/**
 * @param request with a schema, the context is read as that action declares it
 * @throws InvalidInput
 */
export function readContext(input: string | Json, request?: { schema: Schema; action: EntityUid }): CedarRecord {
  const json = typeof input === 'string' ? parseJson(input) : input
  if (!request) {
    const value = readValue(json, 'context')
    if (!(value instanceof Map)) throw new InvalidInput('context', 'must be an object')
    return value
  }
  const action = request.schema.actions.get(request.action)
  if (!action) throw new InvalidInput('action', 'is none that the schema declares')
  return readTypedRecord(json, action.context, request.schema, 'context')
}

const FIELDS = ['uid', 'attrs', 'parents', 'tags']

function readEntity(json: Json, schema: Schema | undefined, path: string): Entity {
  if (!(json instanceof Map)) throw new InvalidInput(path, 'must be an object')
  for (const name of json.keys())
    if (!FIELDS.includes(name)) throw new InvalidInput(`${path}.${name}`, 'is no field of an entity')
  const field = (name: string): Json => {
    const value = json.get(name)
    if (value === undefined) throw new InvalidInput(`${path}.${name}`, 'is missing')
    return value
  }
  const uid = readUid(field('uid'), `${path}.uid`)
  const parents = field('parents')
  if (!Array.isArray(parents)) throw new InvalidInput(`${path}.parents`, 'must be an array')
  const entity = {
    uid,
    parents: parents.map((parent, index) => readUid(parent, `${path}.parents[${index}]`)),
    attrs: field('attrs'),
    tags: json.get('tags'),
  }
  if (isActionType(uid.type)) {
    if (!entity.parents.every(({ type }) => isActionType(type)))
      throw new InvalidInput(`${path}.parents`, 'must be actions, as the entity is one')
    return untyped(entity, path)
  }
  return schema ? typed(entity, schema, path) : untyped(entity, path)
}

const isActionType = (type: string): boolean => type === 'Action' || type.endsWith('::Action')

type Parts = { uid: EntityUid; parents: EntityUid[]; attrs: Json; tags: Json | undefined }

function untyped({ uid, parents, attrs, tags }: Parts, path: string): Entity {
  return {
    uid,
    parents,
    attributes: readRecord(attrs, `${path}.attrs`),
    ...(tags !== undefined && { tags: readRecord(tags, `${path}.tags`) }),
  }
}

function typed({ uid, parents, attrs, tags }: Parts, schema: Schema, path: string): Entity {
  const type = schema.entityTypes.get(uid.type)
  if (!type) throw new InvalidInput(`${path}.uid`, `has the type ${uid.type}, which the schema does not declare`)
  checkListed(uid, schema, `${path}.uid`)
  for (const parent of parents) {
    if (!type.ancestorTypes.has(parent.type))
      throw new InvalidInput(`${path}.parents`, `may not be of type ${parent.type} for the type ${uid.type}`)
    checkListed(parent, schema, `${path}.parents`)
  }
  const attributes = readTypedRecord(attrs, type.attributes, schema, `${path}.attrs`)
  if (tags === undefined) return { uid, parents, attributes }
  return { uid, parents, attributes, tags: readTags(tags, type.tags, schema, `${path}.tags`) }
}

function readTags(
  json: Json,
  type: Parameters<typeof readTyped>[1] | undefined,
  schema: Schema,
  path: string,
): CedarRecord {
  if (!(json instanceof Map)) throw new InvalidInput(path, 'must be an object')
  const tags = new Map<string, Value>()
  for (const [name, value] of json) {
    if (!type) throw new InvalidInput(`${path}.${name}`, 'is a tag, and the schema has no tags for the type')
    tags.set(name, readTyped(value, type, schema, `${path}.${name}`))
  }
  return tags
}
