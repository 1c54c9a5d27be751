/** Random policy sets with entities and requests to decide, as JSON that cedar-wasm and this package both read. */
import type { PolicyJson } from '../policy-json.ts'
import type { Random } from './random.ts'
import {
  ACTIONS,
  ATTRIBUTES,
  EXTENSIONS,
  type Json,
  literalUid,
  randomExpression,
  TYPES,
  type TypeName,
  UIDS,
} from './random-expression.ts'

type Uid = { type: string; id: string }
export type RequestJson = { principal: Uid; action: Uid; resource: Uid; context: { [key: string]: Json } }
export type RandomCase = {
  policies: Record<string, PolicyJson>
  entities: { uid: Uid; attrs: { [key: string]: Json }; parents: Uid[]; tags: { [key: string]: Json } }[]
  requests: RequestJson[]
  /** All entities and contexts conform to it. */
  schema?: string
}

const record = (names: readonly TypeName[], types: Record<TypeName, string>): string =>
  names.map((type) => `${JSON.stringify(ATTRIBUTES[type])}?: ${types[type]}`).join(', ')

const SHAPES = {
  boolean: 'Bool',
  long: 'Long',
  string: 'String',
  entity: 'User',
  strings: 'Set<String>',
  entities: 'Set<User>',
  ipaddr: 'ipaddr',
  decimal: 'decimal',
  datetime: 'datetime',
  duration: 'duration',
}
const FLAT = TYPES.filter((type) => type !== 'record')
const INNER = record(FLAT, { ...SHAPES, record: '' })
const OUTER = record(TYPES, { ...SHAPES, record: 'More' })
const SCHEMA = `
type More = { ${INNER} };
entity User in [User, Team, Ns::Doc] = { ${OUTER} } tags String;
entity Team in [User, Team, Ns::Doc] = { ${OUTER} } tags String;
namespace Ns { entity Doc in [User, Team, Doc] = { ${OUTER.replace('More', '__cedar::String').replace(/"more"\?: __cedar::String, /, `"more"?: { ${INNER} }, `)} } tags String; }
action any, none;
action read in [any] appliesTo { principal: [User, Team], resource: [Ns::Doc, User], context: { ${OUTER} } };
action write in [any, read] appliesTo { principal: [User], resource: [Ns::Doc], context: { ${OUTER} } };
`

/** At most so many policies and entities; attributes of entities and contexts are there with that chance. */
export type CaseSize = {
  policies: number
  requests: number
  depth: number
  entities: number
  attributes: number
  withSchema: boolean
}

export function randomCase(random: Random, size: CaseSize): RandomCase {
  const count = 1 + random.below(size.policies)
  const policies: Record<string, PolicyJson> = {}
  // Conditions from a pool now and then, so that policies share tests as those of a company do.
  const pool = random.many(4, () => randomExpression(random, 'boolean', size.depth - 1))
  for (let index = 0; index < count; index++) policies[`p${index}`] = randomPolicy(random, size.depth, pool)
  return {
    policies,
    entities: randomEntities(random, size),
    requests: Array.from({ length: size.requests }, () => randomRequest(random, size)),
    ...(size.withSchema && { schema: SCHEMA }),
  }
}

function randomPolicy(random: Random, depth: number, pool: readonly Json[]): PolicyJson {
  const conditions = random.many(3, () => ({
    kind: random.chance(0.75) ? ('when' as const) : ('unless' as const),
    body: (pool.length > 0 && random.chance(0.3) ? random.pick(pool) : randomTest(random, depth)) as object,
  }))
  const policy = {
    effect: random.chance(0.7) ? 'permit' : 'forbid',
    principal: randomScope(random),
    action: randomActionScope(random),
    resource: randomScope(random),
    conditions,
  }
  return policy as PolicyJson
}

/** Half of them of the shapes that the index knows. */
function randomTest(random: Random, depth: number): Json {
  if (random.chance(0.5)) return randomExpression(random, 'boolean', 1 + random.below(depth))
  const path = (): Json => ({
    '.': {
      left: { Var: random.pick(['principal', 'resource', 'context']) },
      attr: random.pick(Object.values(ATTRIBUTES)),
    },
  })
  const literal = (): Json =>
    random.pick([() => ({ Value: random.pick(['a', 'b', 'ab', 1, 2, true]) }), () => literalUid(random)])()
  const simple = (): Json =>
    random.pick<() => Json>([
      () => ({ '==': { left: path(), right: literal() } }),
      () => ({ '==': { left: literal(), right: path() } }),
      () => {
        const left = path()
        return { '||': { left: { '==': { left, right: literal() } }, right: { '==': { left, right: literal() } } } }
      },
      () => ({ contains: { left: { Set: random.many(3, literal) }, right: path() } }),
      () => ({
        in: {
          left: { Var: random.pick(['principal', 'resource', 'action']) },
          right: { Set: random.many(3, () => literalUid(random)) },
        },
      }),
      () => ({
        has: { left: { Var: random.pick(['principal', 'context']) }, attr: random.pick(Object.values(ATTRIBUTES)) },
      }),
      () => path(),
    ])()
  let test = simple()
  for (let more = random.below(3); more > 0; more--) test = { '&&': { left: test, right: simple() } }
  return test
}

function randomScope(random: Random): Json {
  return random.pick<() => Json>([
    () => ({ op: 'All' }),
    () => ({ op: 'All' }),
    () => ({ op: '==', entity: random.pick(UIDS) }),
    () => ({ op: 'in', entity: random.pick(UIDS) }),
    () => ({ op: 'is', entity_type: random.pick(['User', 'Team', 'Ns::Doc']) }),
    () => ({ op: 'is', entity_type: random.pick(['User', 'Team']), in: { entity: random.pick(UIDS) } }),
  ])()
}

function randomActionScope(random: Random): Json {
  return random.pick<() => Json>([
    () => ({ op: 'All' }),
    () => ({ op: '==', entity: random.pick(ACTIONS) }),
    () => ({ op: 'in', entity: random.pick(ACTIONS) }),
    () => ({ op: 'in', entities: random.many(3, () => random.pick(ACTIONS)) }),
  ])()
}

/** Parents only later in the list, so that there is no cycle. */
function randomEntities(random: Random, { withSchema, attributes, entities: most }: CaseSize): RandomCase['entities'] {
  const uids = [...UIDS].sort(() => random.next() - 0.5)
  const entities = uids.slice(0, most).map((uid, index) => ({
    uid,
    attrs: randomAttributes(random, withSchema, attributes, TYPES),
    parents: uids.slice(index + 1).filter(() => random.chance(0.2)),
    tags: Object.fromEntries(random.many(2, () => [random.pick(['a', 'b', 'ab']), random.pick(['a', 'b'])])),
  }))
  if (withSchema) return entities
  const [read, write, any] = ACTIONS as [Uid, Uid, Uid]
  const actions = random.chance(0.5) ? [] : [{ uid: read, attrs: {}, parents: [any], tags: {} }]
  return [...entities, ...actions, { uid: write, attrs: {}, parents: random.chance(0.5) ? [any] : [], tags: {} }]
}

function randomRequest(random: Random, { withSchema, attributes }: CaseSize): RequestJson {
  const context = randomAttributes(random, withSchema, attributes, TYPES)
  const ofType = (...types: string[]) => random.pick(UIDS.filter(({ type }) => types.includes(type)))
  if (!withSchema)
    return { principal: random.pick(UIDS), action: random.pick(ACTIONS), resource: random.pick(UIDS), context }
  const [read, write] = ACTIONS as [Uid, Uid]
  if (random.chance(0.3)) return { principal: ofType('User'), action: write, resource: ofType('Ns::Doc'), context }
  return { principal: ofType('User', 'Team'), action: read, resource: ofType('Ns::Doc', 'User'), context }
}

function randomAttributes(
  random: Random,
  withSchema: boolean,
  chance: number,
  types: readonly TypeName[],
): { [key: string]: Json } {
  const attributes: [string, Json][] = []
  for (const type of types) {
    if (!random.chance(chance)) continue
    const given = withSchema || random.chance(0.92) ? type : random.pick(FLAT)
    attributes.push([ATTRIBUTES[type], randomValue(random, given, withSchema)])
  }
  return Object.fromEntries(attributes)
}

function randomValue(random: Random, type: TypeName, withSchema: boolean): Json {
  const uid = (): Json => ({
    __entity: random.pick(withSchema ? UIDS.filter((of) => of.type === 'User') : UIDS),
  })
  switch (type) {
    case 'boolean':
      return random.chance(0.5)
    case 'long':
      return random.pick([0, 1, 2, -3, 2 ** 53 - 1, -(2 ** 53 - 1)])
    case 'string':
      return random.pick(['', 'a', 'b', 'ab', 'a*b', 'aXbXc', '😀'])
    case 'entity':
      return uid()
    case 'strings':
      return random.many(3, () => random.pick(['a', 'b', 'ab']))
    case 'entities':
      return random.many(3, uid)
    case 'record':
      return randomAttributes(random, withSchema, 0.4, FLAT)
    default: {
      const { fn, valid } = EXTENSIONS[type]
      return { __extn: { fn, arg: random.pick<string>(valid) } }
    }
  }
}
