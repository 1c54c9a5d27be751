/** A platform's own part of the schema: what may be in it, and how it and ours become one. Runs where cedar-wasm may die. */
import { type SchemaJson, schemaToJson, schemaToText } from '@cedar-policy/cedar-wasm/nodejs'
import { ACTION_ID, ANY_OTHER, BASE_SCHEMA, OUR_TYPES, RESOURCE, RESOURCE_ATTRIBUTES } from './base-schema.ts'
import { detailOf, lineOf } from './engine-error.ts'
import type { Finding } from './policies.ts'

type Namespace = SchemaJson<string>[string]
type EntityType = Namespace['entityTypes'][string]
type Action = Namespace['actions'][string]

export type PlatformSchema = {
  commonTypes: NonNullable<Namespace['commonTypes']>
  /** With what Credence adds to them. */
  entityTypes: Namespace['entityTypes']
  /** Resource types that the platform declares. */
  resourceTypes: string[]
  /** As declared; what an action declares as context is what Credence passes as `context.arguments`. */
  actions: Namespace['actions']
}

const LIMITS = { types: 500, actions: 2_000 }
const TYPE_NAME = /^[A-Z][A-Za-z0-9]{0,63}$/
const GROUP_ID = /^[a-z][a-z0-9_.-]{0,127}$/
const BUILT_IN = ['Long', 'String', 'Bool', 'Boolean', 'Set', 'Record', 'Entity', 'Extension'].concat(
  'ipaddr',
  'decimal',
  'datetime',
  'duration',
)

const problem = (message: string): Finding => ({ severity: 'error', code: 'schema', policy: '', message })

/** @returns the platform's part, or what is wrong with it */
export function readPlatformSchema(text: string): { platform: PlatformSchema } | { findings: Finding[] } {
  const read = schemaToJson(`${BASE_SCHEMA}${text}`)
  if (read.type === 'failure') return { findings: read.errors.map((error) => problem(explain(error, text))) }
  const { '': own, Credence: _, ...others } = read.json
  const { commonTypes = {}, entityTypes = {}, actions = {} } = own ?? {}
  const theirs = Object.entries(entityTypes).filter(([name]) => !OUR_TYPES.includes(name))
  const findings = [
    ...Object.keys(others).map((name) => problem(`namespace ${name}: declare types without a namespace`)),
    ...Object.keys(commonTypes).filter(isTaken).map(taken),
    ...theirs.flatMap(([name, type]) => problemsOfType(name, type)),
  ]
  const resourceTypes = theirs.filter(([, type]) => !('enum' in type)).map(([name]) => name)
  for (const [id, action] of Object.entries(actions)) findings.push(...problemsOfAction(id, action, resourceTypes))
  if (theirs.length > LIMITS.types) findings.push(problem(`declares more than ${LIMITS.types} entity types`))
  if (Object.keys(actions).length > LIMITS.actions)
    findings.push(problem(`declares more than ${LIMITS.actions} actions`))
  if (findings.length > 0) return { findings }
  const types = Object.fromEntries(theirs.map(withOurAttributes))
  return { platform: { commonTypes, entityTypes: types, resourceTypes, actions } }
}

const isTaken = (name: string): boolean => OUR_TYPES.includes(name) || BUILT_IN.includes(name)
const taken = (name: string): Finding =>
  problem(`type ${name}: the name is taken; these are: ${[...OUR_TYPES, ...BUILT_IN].join(', ')}`)

/** What Cedar's parser says, with the line in the platform's own text. */
function explain(error: Parameters<typeof detailOf>[0], text: string): string {
  const twice = /`([^`]+)` is declared twice/.exec(error.message)?.[1]
  if (twice && OUR_TYPES.includes(twice)) return taken(twice).message
  if (/duplicate namespace id/.test(error.message)) return 'namespace Credence: the name is taken'
  const line = lineOf(error, text, Buffer.byteLength(BASE_SCHEMA))
  return `${line}${detailOf(error).replace('failed to parse schema from string: error parsing schema: ', '')}`
}

function problemsOfType(name: string, type: EntityType): Finding[] {
  const at = `entity ${name}`
  if (!TYPE_NAME.test(name) || isTaken(name))
    return [problem(`${at}: a name is a capital letter, letters and digits, and not one of ${BUILT_IN.join(', ')}`)]
  if ('enum' in type) return []
  const findings: Finding[] = []
  if (type.memberOfTypes?.length)
    findings.push(problem(`${at}: enforcement points tell no parents; declare an attribute instead of "in"`))
  if (type.tags) findings.push(problem(`${at}: enforcement points tell no tags; declare attributes instead`))
  if (type.shape && !isRecord(type.shape)) findings.push(problem(`${at}: write its attributes out as a record`))
  for (const attribute of RESOURCE_ATTRIBUTES)
    if (isRecord(type.shape) && Object.hasOwn(type.shape.attributes, attribute))
      findings.push(problem(`${at}: the attribute ${attribute} is told by Credence and cannot be declared`))
  return findings
}

type Shape = { type: 'Record'; attributes: Record<string, object> }
const isRecord = (shape: object | undefined): shape is Shape =>
  shape !== undefined && 'attributes' in shape && (shape as Shape).type === 'Record'

const withOurAttributes = ([name, type]: [string, EntityType]): [string, EntityType] => {
  if ('enum' in type) return [name, type]
  const own = isRecord(type.shape) ? type.shape.attributes : {}
  const ours = RESOURCE_ATTRIBUTES.map((attribute) => [attribute, { type: 'EntityOrCommon', name: 'String' }])
  const attributes = { ...own, ...Object.fromEntries(ours) }
  return [name, { ...type, shape: { type: 'Record', attributes } } as EntityType]
}

/** A group of actions applies to nothing itself. */
const isGroup = ({ appliesTo }: Action): boolean => !appliesTo || appliesTo.resourceTypes.length === 0

function problemsOfAction(id: string, action: Action, resourceTypes: string[]): Finding[] {
  const at = `action ${JSON.stringify(id)}`
  const findings: Finding[] = []
  if (action.attributes && Object.keys(action.attributes).length > 0)
    findings.push(problem(`${at}: actions have no attributes here`))
  if (isGroup(action))
    return GROUP_ID.test(id) ? findings : [problem(`${at}: a group of actions has a name like "reading"`)]
  if (!ACTION_ID.test(id)) findings.push(problem(`${at}: an action is like "calendar.book"`))
  const { principalTypes, resourceTypes: to } = action.appliesTo ?? { principalTypes: [], resourceTypes: [] }
  if (principalTypes.join() !== 'Agent') findings.push(problem(`${at}: its principal must be Agent`))
  for (const type of to)
    if (type !== RESOURCE && !resourceTypes.includes(type))
      findings.push(
        problem(`${at}: ${type} is no resource type; these are: ${[...resourceTypes, RESOURCE].join(', ')}`),
      )
  return findings
}

const CONTEXT = 'Credence::Context'

/**
 * The whole schema. Actions that are not declared apply to everything, so a policy that fits those that it names fits
 * every other as well.
 * @param named actions that the policies name and the platform does not declare
 */
export function wholeSchema(platform: PlatformSchema, named: readonly string[]): SchemaJson<string> {
  const base = baseSchema()
  const ours = base['']?.entityTypes ?? {}
  const shared = base.Credence?.commonTypes?.Context as unknown as Shape
  const open = {
    appliesTo: {
      principalTypes: ['Agent'],
      resourceTypes: [RESOURCE, ...platform.resourceTypes],
      context: { type: CONTEXT },
    },
  }
  const declared = Object.entries(platform.actions).map(([id, action]): [string, Action] => {
    const { appliesTo, ...rest } = action
    if (!appliesTo || isGroup(action)) return [id, action]
    const told = appliesTo.context
    const context = told
      ? { type: 'Record', attributes: { ...shared.attributes, arguments: { ...told, required: false } } }
      : { type: CONTEXT }
    return [id, { ...rest, appliesTo: { ...appliesTo, context } } as Action]
  })
  const undeclared = [...named, ANY_OTHER].map((id): [string, Action] => [id, open as Action])
  return {
    ...base,
    '': {
      commonTypes: platform.commonTypes,
      entityTypes: { ...ours, ...platform.entityTypes },
      actions: Object.fromEntries([...declared, ...undeclared]),
    },
  }
}

let parsedBase: SchemaJson<string> | undefined

function baseSchema(): SchemaJson<string> {
  if (parsedBase) return parsedBase
  const read = schemaToJson(BASE_SCHEMA)
  if (read.type === 'failure') throw new Error(`base schema: ${read.errors.map(({ message }) => message).join('; ')}`)
  parsedBase = read.json
  return parsedBase
}

/** The schema in Cedar's own syntax. @throws Error when Cedar cannot write what it has read */
export function schemaText(schema: SchemaJson<string>): string {
  const written = schemaToText(schema)
  if (written.type === 'failure') throw new Error(written.errors.map(({ message }) => message).join('; '))
  return written.text
}
