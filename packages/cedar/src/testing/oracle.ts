/** One random case decided by cedar-wasm and by this package, in all its ways; what differs is told. */
import {
  type EntityUid,
  preparsePolicySet,
  preparseSchema,
  type StatefulAuthorizationCall,
  schemaToJson,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs'
import { type Answer, compile, type Request } from '../engine.ts'
import { entityStore } from '../entity-store.ts'
import { readContext, readEntities } from '../read.ts'
import { readSchema, type Schema } from '../schema.ts'
import type { RandomCase } from './random-case.ts'

export type Comparison = {
  /** Requests that both decided. */
  evaluations: number
  allowed: number
  withErrors: number
  disagreements: string[]
}

const schemas = new Map<string, Schema>()

/** The schema is parsed once, by both. */
function schemaOf(text: string): Schema {
  let schema = schemas.get(text)
  if (!schema) {
    const json = schemaToJson(text)
    if (json.type === 'failure') throw new Error(json.errors.map(({ message }) => message).join('; '))
    preparseSchema('oracle', text)
    schema = readSchema(json.json)
    schemas.set(text, schema)
  }
  return schema
}

export function compare(of: RandomCase): Comparison {
  const schema = of.schema === undefined ? undefined : schemaOf(of.schema)
  const loaded = preparsePolicySet('oracle', { staticPolicies: of.policies as never })
  if (loaded.type === 'failure') throw new Error(loaded.errors.map(({ message }) => message).join('; '))
  const policies = Object.entries(of.policies).map(([id, policy]) => ({ id, policy }))
  const engines = [compile(policies, schema), compile(policies, schema, { index: false })]
  const entities = entityStore(readEntities(JSON.stringify(of.entities), schema), schema)
  const result: Comparison = { evaluations: 0, allowed: 0, withErrors: 0, disagreements: [] }
  for (const request of of.requests) {
    const call = {
      ...request,
      entities: of.entities,
      preparsedPolicySetId: 'oracle',
      ...(schema && { preparsedSchemaName: 'oracle', validateRequest: true }),
    }
    const wanted = oracle(call as unknown as StatefulAuthorizationCall)
    result.evaluations++
    if (wanted.decision === 'allow') result.allowed++
    if (wanted.errors.length > 0) result.withErrors++
    const context = readContext(JSON.stringify(request.context), schema && { schema, action: request.action })
    for (const engine of engines) {
      const got = outcome(engine.evaluate({ ...request, context } as Request, entities))
      if (JSON.stringify(got) !== JSON.stringify(wanted))
        result.disagreements.push(
          JSON.stringify({ got, wanted, request, entities: of.entities, policies: of.policies }),
        )
    }
  }
  return result
}

const outcome = ({ decision, permits, forbids, errors }: Answer) => ({
  decision,
  reason: [...(decision === 'allow' ? permits : forbids)].sort(),
  errors: errors.map(({ policy }) => policy).sort(),
})

function oracle(call: StatefulAuthorizationCall & { principal: EntityUid }) {
  const answer = statefulIsAuthorized(call)
  if (answer.type === 'failure') throw new Error(answer.errors.map(({ message }) => message).join('; '))
  const { decision, diagnostics } = answer.response
  return {
    decision,
    reason: [...diagnostics.reason].sort(),
    errors: diagnostics.errors.map(({ policyId }) => policyId).sort(),
  }
}
