/** Types of a schema: which declaration a name means (RFC 24, RFC 70), and common types written out. */
import { InvalidInput } from './json.ts'
import { qualified, type RecordType, type SchemaJson, type Type } from './schema.ts'

type TypeJson = {
  type: string
  name?: string
  element?: TypeJson
  attributes?: Record<string, TypeJson & { required?: boolean }>
  additionalAttributes?: boolean
}

const MAX_DEPTH = 100
const EXTENSIONS = ['ipaddr', 'decimal', 'datetime', 'duration']
const PRIMITIVES: Record<string, Type> = {
  Bool: { kind: 'boolean' },
  Boolean: { kind: 'boolean' },
  String: { kind: 'string' },
  Long: { kind: 'long' },
}

export function typeReader(json: SchemaJson) {
  const declared = (kind: 'commonTypes' | 'entityTypes', name: string): object | undefined => {
    const [namespace, id] = split(name)
    const types = json[namespace]?.[kind]
    return types && Object.hasOwn(types, id) ? types[id] : undefined
  }

  /** The namespace's own declaration before the one without namespace. */
  const candidates = (name: string, namespace: string): string[] =>
    namespace ? [qualified(namespace, name), name] : [name]

  const entityTypeName = (name: string, namespace: string): string => {
    const found = candidates(name, namespace).find((candidate) => declared('entityTypes', candidate))
    if (found === undefined) throw new InvalidInput('schema', `has an entity type ${name} that nothing declares`)
    return found
  }

  const named = (name: string, namespace: string, depth: number): Type => {
    for (const candidate of candidates(name, namespace)) {
      const common = declared('commonTypes', candidate)
      if (common) return readType(common, split(candidate)[0], depth + 1)
      if (declared('entityTypes', candidate)) return { kind: 'entity', name: candidate }
    }
    const builtIn = name.startsWith('__cedar::') ? name.slice('__cedar::'.length) : name
    if (Object.hasOwn(PRIMITIVES, builtIn)) return PRIMITIVES[builtIn] as Type
    if (EXTENSIONS.includes(builtIn)) return { kind: 'extension', name: builtIn }
    throw new InvalidInput('schema', `has a type ${name} that nothing declares`)
  }

  const readType = (given: object, namespace: string, depth = 0): Type => {
    if (depth > MAX_DEPTH) throw new InvalidInput('schema', 'has a type that contains itself, or nests too deeply')
    const type = given as TypeJson
    switch (type.type) {
      case 'Set':
        return { kind: 'set', element: readType(type.element ?? {}, namespace, depth + 1) }
      case 'Record':
        return readRecord(type, namespace, depth)
      case 'Entity':
        return { kind: 'entity', name: entityTypeName(type.name ?? '', namespace) }
      case 'Extension':
        return named(`__cedar::${type.name}`, '', depth)
      case 'EntityOrCommon':
        return named(type.name ?? '', namespace, depth)
      default:
        return named(String(type.type), namespace, depth)
    }
  }

  const readRecord = (type: TypeJson, namespace: string, depth: number): RecordType => ({
    kind: 'record',
    attributes: new Map(
      Object.entries(type.attributes ?? {}).map(([name, attribute]) => [
        name,
        { type: readType(attribute, namespace, depth + 1), required: attribute.required !== false },
      ]),
    ),
    open: type.additionalAttributes === true,
  })

  return { readType, entityTypeName }
}

function split(name: string): [namespace: string, id: string] {
  const at = name.lastIndexOf('::')
  return at < 0 ? ['', name] : [name.slice(0, at), name.slice(at + 2)]
}
