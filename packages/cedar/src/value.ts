/** Cedar's values as JavaScript has them, their equality, and sets that hold each value once. */
import type { Datetime, Duration } from './extension/datetime.ts'
import type { Decimal } from './extension/decimal.ts'
import { Extension } from './extension/extension.ts'
import type { IpAddress } from './extension/ipaddress.ts'
import type { Long } from './long.ts'

/** A reference to an entity. Compare by type and id (`sameUid`), never by identity. */
export type EntityUid = { readonly type: string; readonly id: string }

/** A Map, so that attributes named `__proto__` or `constructor` are attributes like any other. */
export type CedarRecord = ReadonlyMap<string, Value>

export type Value =
  | boolean
  | string
  | Long
  | EntityUid
  | CedarSet
  | CedarRecord
  | Decimal
  | IpAddress
  | Datetime
  | Duration

export const sameUid = (left: EntityUid, right: EntityUid): boolean =>
  left === right || (left.id === right.id && left.type === right.type)

export const isRecord = (value: unknown): value is CedarRecord => value instanceof Map

/** Among values only an entity reference has an `id`: records are Maps, the others are classes without one. */
export const isUid = (value: unknown): value is EntityUid =>
  typeof value === 'object' && value !== null && (value as { id?: unknown }).id !== undefined

/**
 * A set: unordered, each value once. Kept in three parts so that looking up a string, number or entity allocates
 * nothing; sets, records and extension values are found by a key that spells them out.
 */
export class CedarSet {
  readonly primitives: ReadonlySet<Value>
  /** Ids by entity type. */
  readonly entities: ReadonlyMap<string, ReadonlySet<string>>
  readonly others: ReadonlyMap<string, Value>
  readonly size: number

  constructor(values: Iterable<Value>) {
    const primitives = new Set<Value>()
    const entities = new Map<string, Set<string>>()
    const others = new Map<string, Value>()
    let uids = 0
    for (const value of values) {
      if (typeof value !== 'object') primitives.add(value)
      else if (isUid(value)) {
        const ids = entities.get(value.type)
        if (!ids) entities.set(value.type, new Set([value.id]))
        else if (ids.has(value.id)) continue
        else ids.add(value.id)
        uids++
      } else others.set(keyOf(value), value)
    }
    this.primitives = primitives
    this.entities = entities
    this.others = others
    this.size = primitives.size + uids + others.size
  }

  has(value: Value): boolean {
    if (typeof value !== 'object') return this.primitives.has(value)
    if (isUid(value)) return this.entities.get(value.type)?.has(value.id) === true
    return this.others.size > 0 && this.others.has(keyOf(value))
  }

  hasAll(other: CedarSet): boolean {
    if (other.size > this.size) return false
    for (const value of other.primitives) if (!this.primitives.has(value)) return false
    for (const [type, ids] of other.entities) {
      const mine = this.entities.get(type)
      if (!mine) return false
      for (const id of ids) if (!mine.has(id)) return false
    }
    for (const key of other.others.keys()) if (!this.others.has(key)) return false
    return true
  }

  hasAny(other: CedarSet): boolean {
    for (const value of other.primitives) if (this.primitives.has(value)) return true
    for (const [type, ids] of other.entities) {
      const mine = this.entities.get(type)
      if (mine) for (const id of ids) if (mine.has(id)) return true
    }
    for (const key of other.others.keys()) if (this.others.has(key)) return true
    return false
  }

  /** Whether every element is an entity reference; true of the empty set. */
  holdsEntitiesOnly(): boolean {
    return this.primitives.size === 0 && this.others.size === 0
  }

  *[Symbol.iterator](): IterableIterator<Value> {
    yield* this.primitives
    for (const [type, ids] of this.entities) for (const id of ids) yield { type, id }
    yield* this.others.values()
  }
}

/** Cedar's `==`: defined for all values, false for values of different types, never an error. */
export function equal(left: Value, right: Value): boolean {
  if (left === right) return true
  if (typeof left !== 'object' || typeof right !== 'object') return false
  if (isUid(left)) return isUid(right) && sameUid(left, right)
  if (isUid(right)) return false
  if (left instanceof Map) return right instanceof Map && equalRecords(left, right)
  if (left instanceof CedarSet) return right instanceof CedarSet && left.size === right.size && left.hasAll(right)
  return left instanceof Extension && right instanceof Extension && left.equals(right)
}

function equalRecords(left: CedarRecord, right: CedarRecord): boolean {
  if (left.size !== right.size) return false
  for (const [name, value] of left) {
    const other = right.get(name)
    if (other === undefined || !equal(value, other)) return false
  }
  return true
}

/** A text that is the same for equal values and for no others: every part is preceded by its length or its kind. */
export function keyOf(value: Value): string {
  if (typeof value === 'string') return `s${value.length}:${value}`
  if (typeof value === 'boolean') return value ? 't' : 'f'
  if (typeof value !== 'object') return `l${value};`
  if (isUid(value)) return `e${value.type.length}:${value.type}${value.id.length}:${value.id}`
  if (value instanceof CedarSet) {
    const keys = [...value].map(keyOf).sort()
    return `[${keys.length}:${keys.join('')}`
  }
  if (value instanceof Extension) return value.key
  const entries = [...value].sort(([left], [right]) => (left < right ? -1 : 1))
  return `{${entries.length}:${entries.map(([name, of]) => `${name.length}:${name}${keyOf(of)}`).join('')}`
}
