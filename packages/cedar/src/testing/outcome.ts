/** What an expression or a policy set comes to, by this package and by cedar-wasm, which must say the same. */
import {
  type AuthorizationCall,
  isAuthorized,
  policySetTextToParts,
  policyToJson,
  schemaToJson,
} from '@cedar-policy/cedar-wasm/nodejs'
import { expect } from 'vitest'
import { compile, type EntityUid, type Policy } from '../engine.ts'
import { entityStore } from '../entity-store.ts'
import { withExactLongs } from '../exact-longs.ts'
import type { PolicyJson } from '../policy-json.ts'
import { readContext, readEntities } from '../read.ts'
import { readSchema, type Schema } from '../schema.ts'

export type Given = {
  principal?: EntityUid
  action?: EntityUid
  resource?: EntityUid
  context?: object
  entities?: readonly object[]
  /** In Cedar's own form. */
  schema?: string
}

export const uid = (type: string, id: string): EntityUid => ({ type, id })
export const entity = (of: EntityUid, attrs: object = {}, parents: readonly EntityUid[] = [], tags: object = {}) => ({
  uid: of,
  attrs,
  parents,
  tags,
})

/** @throws Error when it is no policy */
export function policyOf(text: string): PolicyJson {
  const json = policyToJson(withExactLongs(text))
  if (json.type === 'failure') throw new Error(json.errors.map(({ message }) => message).join('; '))
  return json.json as PolicyJson
}

export function schemaOf(text: string): Schema {
  const json = schemaToJson(text)
  if (json.type === 'failure') throw new Error(json.errors.map(({ message }) => message).join('; '))
  return readSchema(json.json)
}

/** Cedar names the policies of a text by position. */
function textsOf(text: string): string[] {
  const parts = policySetTextToParts(text)
  if (parts.type === 'failure') throw new Error(parts.errors.map(({ message }) => message).join('; '))
  return parts.policies
}

export const policiesOf = (text: string): Policy[] =>
  textsOf(text).map((policy, index) => ({ id: `policy${index}`, policy: policyOf(policy) }))

/** Decided by both; the answers must be the same. */
export function answer(text: string, given: Given = {}) {
  const {
    principal = uid('U', 'a'),
    action = uid('Action', 'do'),
    resource = uid('U', 'b'),
    context = {},
    entities = [],
  } = given
  const schema = given.schema === undefined ? undefined : schemaOf(given.schema)
  const policies = policiesOf(text)
  const request = {
    principal,
    action,
    resource,
    context: readContext(JSON.stringify(context), schema && { schema, action }),
  }
  const store = entityStore(readEntities(JSON.stringify(entities), schema), schema)
  const { errors, ...ours } = compile(policies, schema).evaluate(request, store)
  const failing = errors.map((error) => error.policy)
  // Two policies are no set to index: five of each are, and each must fare as the one.
  const copies = policies.flatMap(({ id, policy }) => [1, 2, 3, 4, 5].map((copy) => ({ id: `${id} ${copy}`, policy })))
  const indexed = compile(copies, schema).evaluate(request, store)
  const fiveOf = (ids: readonly string[]) => ids.flatMap((id) => [1, 2, 3, 4, 5].map((copy) => `${id} ${copy}`))
  expect([indexed.permits, indexed.forbids, indexed.errors.map(({ policy }) => policy)]).toEqual(
    [ours.permits, ours.forbids, failing].map(fiveOf),
  )

  const call = { principal, action, resource, context, entities, ...(given.schema && { schema: given.schema }) }
  const staticPolicies = Object.fromEntries(textsOf(text).map((policy, index) => [`policy${index}`, policy]))
  const theirs = isAuthorized({ ...call, policies: { staticPolicies } } as unknown as AuthorizationCall)
  if (theirs.type === 'failure') throw new Error(theirs.errors.map(({ message }) => message).join('; '))
  const { decision, diagnostics } = theirs.response
  expect({
    decision: ours.decision,
    reason: ours.decision === 'allow' ? ours.permits : ours.forbids,
    failing,
  }).toEqual({
    decision,
    reason: diagnostics.reason.sort(),
    failing: diagnostics.errors.map(({ policyId }) => policyId).sort(),
  })
  return { ...ours, failing }
}

/** true, false, or a failure. */
export function outcome(expression: string, given: Given = {}): boolean | 'error' {
  const { decision, failing } = answer(`permit (principal, action, resource) when { ${expression} };`, given)
  return failing.length > 0 ? 'error' : decision === 'allow'
}

/** Whether Cedar takes the text for a policy; the engine is given parsed policies only. */
export const parses = (expression: string): boolean =>
  policyToJson(`permit (principal, action, resource) when { ${expression} };`).type === 'success'
