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
    const ours: [string, Value][] = [
      ['type', type],
      ['sensitivity', sensitivity],
      ['location', audience],
    ]
    const declared = told.get(type)
    if (!declared) return knownEntity({ type: RESOURCE, id: `${type}::${id}` }, new Map(ours))
    return knownEntity({ type, id }, new Map([...read('properties', properties || '{}', declared), ...ours]))
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
      const known = [principal, resource]
      return {
        request: { principal: principal.uid, action: uid, resource: resource.uid, context },
        known,
        entities: (wanted) => known.find((one) => sameUid(one.uid, wanted)),
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
  const { provider, name, version, digest } = agent.model
  const attributes = new Map<string, Value>([
    ['blueprint', agent.blueprint],
    ['kind', agent.kind],
    ['autonomy', agent.autonomy],
    ['purpose', agent.purpose],
    ['owner', agent.owner],
    ['sponsor', agent.sponsor],
    ['model', record({ provider, name, version, digest })],
    ['depth', depth],
  ])
  const blueprint = new Ancestors([{ type: 'Blueprint', id: agent.blueprint }])
  return knownEntity({ type: 'Agent', id: agent.agent }, attributes, blueprint, record(agent.labels ?? {}))
}

/** @throws Unfit for an amount that Cedar's decimal does not hold: it is never rounded */
function contextOf(input: PolicyInput): Map<string, Value> {
  const { now, human, signIn, task, amount, attestation, risk, enforcementPoint } = input
  const context = new Map<string, Value>([
    ['now', new Datetime(now.getTime())],
    ['location', place(input.location)],
    [
      'enforcement_point',
      new Map<string, Value>([
        ['id', enforcementPoint.id],
        ['location', place(enforcementPoint.location)],
      ]),
    ],
    ['audience', input.audience],
    ['attestation', attestationOf(attestation)],
    [
      'risk',
      new Map<string, Value>([
        ['level', risk.level],
        ['codes', new CedarSet(risk.codes)],
      ]),
    ],
    ['delegation', new Map<string, Value>([['depth', input.depth]])],
  ])
  if (human)
    context.set(
      'human',
      new Map<string, Value>([
        ['id', human.human],
        ['groups', new CedarSet(human.groups)],
      ]),
    )
  if (signIn) {
    const { acr, amr = [], at } = signIn
    const age = now.getTime() - Date.parse(at)
    const signed = record({ acr }).set('amr', new CedarSet(amr))
    if (Number.isSafeInteger(age)) context.set('sign_in', signed.set('age', new Duration(age)))
  }
  if (task) {
    const { type, source } = task.trigger
    context.set('task', record({ purpose: task.purpose }).set('trigger', record({ type, source })))
  }
  if (amount) {
    const value = parseDecimal(asDecimal(amount.value))
    if (!value) throw new Unfit('amount', 'has more than four digits after the point, or is out of range')
    context.set('amount', record({ currency: amount.currency }).set('value', value))
  }
  return context
}

function attestationOf(attestation: PolicyInput['attestation']): Map<string, Value> {
  if (!attestation) return record({ status: 'none', kind: '' })
  const { status, kind, age, composition } = attestation
  const { program, model } = composition ?? {}
  return record({ status, kind, program, model }).set('age', new Duration(Math.trunc(age)))
}

const place = ({ name, trusted }: PolicyInput['location']): CedarRecord =>
  new Map<string, Value>([
    ['name', name],
    ['trusted', trusted],
  ])

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
