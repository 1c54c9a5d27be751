/**
 * From what a decision knows to what Cedar is asked: entities and context, as the schema declares them
 * (base-schema.ts says the same in Cedar's words).
 */
import { Ancestors, type Entities, type KnownEntity, knownEntity } from '@credence/cedar/entity'
import { Datetime, Duration } from '@credence/cedar/extension/datetime'
import { parseDecimal } from '@credence/cedar/extension/decimal'
import type { Request } from '@credence/cedar/frame'
import { InvalidInput, parseJson } from '@credence/cedar/json'
import { readTypedRecord } from '@credence/cedar/read-value'
import type { RecordType, Schema } from '@credence/cedar/schema'
import { type CedarRecord, CedarSet, type EntityUid, sameUid, type Value } from '@credence/cedar/value'
import { ANY_OTHER, OUR_TYPES, RESOURCE, RESOURCE_ATTRIBUTES } from './base-schema.ts'
import type { Misfit, PolicyInput } from './policies.ts'

export type Built = {
  request: Request
  /** The agent with its blueprint above it, and the resource: the only entities that are known. */
  known: readonly KnownEntity[]
  entities: Entities
}

/** The part of the question did not fit; carries no value of it. */
class Unfit extends Error {
  readonly misfit: Misfit

  constructor(part: Misfit['part'], problem: string) {
    super(problem)
    this.misfit = { part, problem }
  }
}

const MAX_TOLD_LENGTH = 65_536

/** Builds requests for one version. @returns the request, or why the schema does not have it */
export function requestBuilder(schema: Schema): (input: PolicyInput) => Built | Misfit {
  const told = new Map<string, RecordType>()
  for (const [name, { attributes, ids }] of schema.entityTypes)
    if (!ids && !OUR_TYPES.includes(name)) told.set(name, without(attributes, RESOURCE_ATTRIBUTES))

  /** What an enforcement point tells, as the schema has it: exact numbers, no key twice, no member that is not declared. */
  const read = (part: 'properties' | 'arguments', text: string, type: RecordType): CedarRecord => {
    if (text.length > MAX_TOLD_LENGTH) throw new Unfit(part, `is longer than ${MAX_TOLD_LENGTH} characters`)
    try {
      return readTypedRecord(parseJson(text), type, schema, part)
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error
      const undeclared = /that the schema does not have$/.test(error.message)
      throw new Unfit(part, undeclared ? 'holds a member that the schema does not declare' : error.message)
    }
  }

  const resourceOf = ({ resource, audience }: PolicyInput): KnownEntity => {
    const { type, id, sensitivity, properties } = resource
    if (!id.isWellFormed()) throw new Unfit('resource', 'has an id with half of a surrogate pair')
    const declared = told.get(type)
    const attributes = declared ? new Map(read('properties', properties || '{}', declared)) : new Map<string, Value>()
    attributes.set('type', type).set('sensitivity', sensitivity).set('location', audience)
    return knownEntity(declared ? { type, id } : { type: RESOURCE, id: `${type}::${id}` }, attributes)
  }

  return (input) => {
    try {
      const principal = agentOf(input)
      const resource = resourceOf(input)
      const uid: EntityUid = { type: 'Action', id: input.action }
      const action = schema.actions.get(uid) ?? schema.actions.get({ type: 'Action', id: ANY_OTHER })
      if (!action?.resourceTypes.has(resource.uid.type))
        throw new Unfit('resource', `is of a type that the schema does not let this action apply to`)
      const context = contextOf(input)
      const argumentType = action.context.attributes.get('arguments')?.type
      if (input.arguments && argumentType?.kind === 'record')
        context.set('arguments', read('arguments', input.arguments, argumentType))
      return {
        request: { principal: principal.uid, action: uid, resource: resource.uid, context },
        known: [principal, resource],
        entities: (wanted) => {
          if (sameUid(principal.uid, wanted)) return principal
          return sameUid(resource.uid, wanted) ? resource : undefined
        },
      }
    } catch (error) {
      if (error instanceof Unfit) return error.misfit
      throw error
    }
  }
}

const without = (type: RecordType, names: readonly string[]): RecordType => ({
  ...type,
  attributes: new Map([...type.attributes].filter(([name]) => !names.includes(name))),
})

function agentOf({ agent, depth }: PolicyInput): KnownEntity {
  const { blueprint, labels } = agent
  const attributes = new Map<string, Value>()
    .set('blueprint', blueprint)
    .set('kind', agent.kind)
    .set('autonomy', agent.autonomy)
    .set('purpose', agent.purpose)
    .set('owner', agent.owner)
    .set('sponsor', agent.sponsor)
    .set('model', modelOf(agent.model))
    .set('depth', depth)
  return knownEntity({ type: 'Agent', id: agent.agent }, attributes, below(blueprint), labels && labelsOf(labels))
}

/**
 * States are replaced when they change, and many share their parts: what was made of one is made once. Nothing here
 * depends on what is asked.
 */
function once<Part extends object, Made>(make: (part: Part) => Made): (part: Part) => Made {
  const known = new WeakMap<Part, Made>()
  return (part) => {
    let made = known.get(part)
    if (made === undefined) {
      made = make(part)
      known.set(part, made)
    }
    return made
  }
}

const modelOf = once(({ provider, name, version, digest }: PolicyInput['agent']['model']) =>
  record({ provider, name, version, digest }),
)
const labelsOf = once((labels: Record<string, string>) => record(labels))
const kindsOf = once((kinds: readonly string[]) => new CedarSet(kinds))
const groupsOf = once((groups: readonly string[]) => new CedarSet(groups))
const place = once(
  ({ name, trusted }: PolicyInput['location']): CedarRecord =>
    new Map<string, Value>().set('name', name).set('trusted', trusted),
)

/** Blueprints are few, and their names are the same for ever. */
const MOST_BLUEPRINTS = 10_000
const blueprints = new Map<string, Ancestors>()
function below(blueprint: string): Ancestors {
  let known = blueprints.get(blueprint)
  if (!known) {
    if (blueprints.size >= MOST_BLUEPRINTS) blueprints.clear()
    known = new Ancestors([{ type: 'Blueprint', id: blueprint }])
    blueprints.set(blueprint, known)
  }
  return known
}

const NO_SET = new CedarSet([])
const COMPOSITION = ['program', 'model', 'prompt', 'tool_manifest'] as const

/** @throws Unfit for an amount that Cedar's decimal does not hold: it is never rounded */
function contextOf(input: PolicyInput): Map<string, Value> {
  const { now, human, signIn, task, amount, risk, enforcementPoint } = input
  const context = new Map<string, Value>()
    .set('now', new Datetime(now.getTime()))
    .set('location', place(input.location))
    .set(
      'enforcement_point',
      new Map<string, Value>().set('id', enforcementPoint.id).set('location', place(enforcementPoint.location)),
    )
    .set('audience', input.audience)
    .set('attestation', attestationOf(input.attestation))
    .set(
      'risk',
      new Map<string, Value>()
        .set('level', risk.level)
        .set('codes', risk.codes.length === 0 ? NO_SET : new CedarSet(risk.codes)),
    )
    .set('delegation', new Map<string, Value>().set('depth', input.depth))
  if (human) context.set('human', new Map<string, Value>().set('id', human.human).set('groups', groupsOf(human.groups)))
  if (signIn) {
    const { acr, amr = [], at } = signIn
    const age = now.getTime() - Date.parse(at)
    const signed = record({ acr }).set('amr', new CedarSet(amr))
    if (Number.isSafeInteger(age)) context.set('sign_in', signed.set('age', new Duration(age)))
  }
  if (task) {
    const { type, source } = task.trigger
    const trigger = new Map<string, Value>().set('type', type).set('source', source)
    context.set('task', new Map<string, Value>().set('purpose', task.purpose).set('trigger', trigger))
  }
  if (amount) {
    const value = parseDecimal(asDecimal(amount.value))
    if (!value) throw new Unfit('amount', 'has more than four digits after the point, or is out of range')
    context.set('amount', record({ currency: amount.currency }).set('value', value))
  }
  return context
}

function attestationOf(attestation: PolicyInput['attestation']): Map<string, Value> {
  const made = new Map<string, Value>()
  if (!attestation) return made.set('status', 'none').set('kinds', NO_SET)
  const { status, kinds, age, composition, modelGrade } = attestation
  made.set('status', status).set('kinds', kindsOf(kinds))
  for (const part of COMPOSITION) {
    const digest = composition?.[part]
    if (digest !== undefined) made.set(part, digest)
  }
  if (modelGrade !== undefined) made.set('model_grade', modelGrade)
  return made.set('age', new Duration(Math.trunc(age)))
}

/** Members that are undefined are left out. */
function record(members: Record<string, string | undefined>): Map<string, Value> {
  const made = new Map<string, Value>()
  for (const [name, value] of Object.entries(members)) if (value !== undefined) made.set(name, value)
  return made
}

/** Cedar wants a point and up to four digits after it; zeros past that say nothing. */
function asDecimal(value: string): string {
  const [whole = '', fraction = ''] = value.split('.')
  return `${whole}.${fraction.replace(/0+$/, '') || '0'}`
}
