/**
 * Values from JSON: with the escapes `__entity` and `__extn`, or, where a schema says which type is wanted, without.
 * https://docs.cedarpolicy.com/auth/entities-syntax.html. Stricter than Cedar in two places: an escape that is
 * malformed or carries further fields is refused, where Cedar takes it for a record or ignores the fields.
 */

import { Extension } from './extension/extension.ts'
import { callExtension } from './extension/functions.ts'
import { InvalidInput, type Json, type JsonObject } from './json.ts'
import { isLong } from './long.ts'
import type { RecordType, Schema, Type } from './schema.ts'
import { type CedarRecord, CedarSet, type EntityUid, isUid, type Value } from './value.ts'

const IDENTIFIER = '[_a-zA-Z][_a-zA-Z0-9]*'
const TYPE_NAME = new RegExp(`^${IDENTIFIER}(?:::${IDENTIFIER})*$`)
const RESERVED = new Set(['true', 'false', 'if', 'then', 'else', 'in', 'is', 'like', 'has', '__cedar'])

export const isTypeName = (name: string): boolean =>
  TYPE_NAME.test(name) && !name.split('::').some((part) => RESERVED.has(part))

/** The object under an escape key when that is its only key. */
const escaped = (json: Json, key: string): Json | undefined =>
  json instanceof Map && json.size === 1 ? json.get(key) : undefined

const hasOnly = (json: JsonObject, ...keys: string[]): boolean =>
  json.size === keys.length && keys.every((key) => json.has(key))

/** `{ type, id }`, or that under `__entity`. @throws InvalidInput */
export function readUid(json: Json, path: string): EntityUid {
  const fields = escaped(json, '__entity') ?? json
  if (!(fields instanceof Map) || !hasOnly(fields, 'type', 'id'))
    throw new InvalidInput(path, 'must be an entity reference { "type": …, "id": … }')
  const [type, id] = [fields.get('type'), fields.get('id')]
  if (typeof type !== 'string' || !isTypeName(type))
    throw new InvalidInput(path, 'must have the name of an entity type')
  if (typeof id !== 'string') throw new InvalidInput(path, 'must have an id that is a string')
  return { type, id }
}

/** @throws InvalidInput */
export function readValue(json: Json, path: string): Value {
  if (Array.isArray(json)) return new CedarSet(json.map((element, index) => readValue(element, `${path}[${index}]`)))
  if (!(json instanceof Map)) return json as Value
  if (json.size === 1) {
    if (json.has('__entity')) return readUid(json, path)
    if (json.has('__expr')) throw new InvalidInput(path, 'has the escape __expr, which is no longer supported')
    const call = json.get('__extn')
    if (call !== undefined) return readCall(call, path)
  }
  return readRecord(json, path)
}

/** @throws InvalidInput */
export function readRecord(json: Json, path: string): CedarRecord {
  if (!(json instanceof Map)) throw new InvalidInput(path, 'must be an object')
  const record = new Map<string, Value>()
  for (const [name, value] of json) record.set(name, readValue(value, `${path}.${name}`))
  return record
}

/** `{ fn, arg }` or `{ fn, args }`. */
function readCall(json: Json, path: string): Value {
  const fn = json instanceof Map ? json.get('fn') : undefined
  if (!(json instanceof Map) || typeof fn !== 'string' || !(hasOnly(json, 'fn', 'arg') || hasOnly(json, 'fn', 'args')))
    throw new InvalidInput(path, 'must call an extension function as { "fn": …, "arg": … }')
  const args = json.get('args') ?? [json.get('arg') as Json]
  if (!Array.isArray(args)) throw new InvalidInput(path, 'must give args as an array')
  return construct(
    fn,
    args.map((arg, index) => readValue(arg, `${path}.args[${index}]`)),
    path,
  )
}

function construct(fn: string, args: Value[], path: string): Value {
  const result = callExtension(fn, args)
  if (typeof result === 'object' && 'problem' in result) throw new InvalidInput(path, result.problem)
  return result
}

const CONSTRUCTORS: Record<string, string> = { ipaddr: 'ip' }

/** A value that must be of this type; what it is not is refused. @throws InvalidInput */
export function readTyped(json: Json, type: Type, schema: Schema, path: string): Value {
  switch (type.kind) {
    case 'set':
      if (!Array.isArray(json)) throw new InvalidInput(path, 'must be a set')
      return new CedarSet(json.map((element, index) => readTyped(element, type.element, schema, `${path}[${index}]`)))
    case 'record':
      return readTypedRecord(json, type, schema, path)
    case 'entity': {
      const uid = readUid(json, path)
      if (uid.type !== type.name) throw new InvalidInput(path, `must be an entity of type ${type.name}`)
      return checkListed(uid, schema, path)
    }
    case 'extension': {
      const value = readExtension(json, type.name, path)
      if (extensionOf(value) !== type.name) throw new InvalidInput(path, `must be of type ${type.name}`)
      return value
    }
    default: {
      const value = readValue(json, path)
      if (kindOf(value) !== type.kind) throw new InvalidInput(path, `must be a ${type.kind}`)
      return value
    }
  }
}

function readExtension(json: Json, name: string, path: string): Value {
  const call = escaped(json, '__extn') ?? json
  if (call instanceof Map && call.has('fn')) return readCall(call, path)
  return construct(CONSTRUCTORS[name] ?? name, [readValue(json, path)], path)
}

/** @throws InvalidInput for a required attribute that is missing, or one that the type does not have */
export function readTypedRecord(json: Json, type: RecordType, schema: Schema, path: string): CedarRecord {
  if (!(json instanceof Map)) throw new InvalidInput(path, 'must be an object')
  const record = new Map<string, Value>()
  for (const [name, value] of json) {
    const at = `${path}.${name}`
    const attribute = type.attributes.get(name)
    if (attribute) record.set(name, readTyped(value, attribute.type, schema, at))
    else if (type.open) record.set(name, readValue(value, at))
    else throw new InvalidInput(at, 'is an attribute that the schema does not have')
  }
  for (const [name, { required }] of type.attributes)
    if (required && !record.has(name)) throw new InvalidInput(`${path}.${name}`, 'is missing')
  return record
}

/** RFC 53: an entity of an enumerated type must be one of those listed. @throws InvalidInput */
export function checkListed(uid: EntityUid, schema: Schema, path: string): EntityUid {
  const ids = schema.entityTypes.get(uid.type)?.ids
  if (ids && !ids.has(uid.id)) throw new InvalidInput(path, `must be one of the listed entities of type ${uid.type}`)
  return uid
}

function kindOf(value: Value): Type['kind'] {
  if (typeof value === 'boolean') return 'boolean'
  if (typeof value === 'string') return 'string'
  if (isLong(value)) return 'long'
  if (isUid(value)) return 'entity'
  if (value instanceof CedarSet) return 'set'
  return value instanceof Extension ? 'extension' : 'record'
}

const extensionOf = (value: Value): string | undefined => (value instanceof Extension ? value.type : undefined)
