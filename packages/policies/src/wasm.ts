/** Evaluation by cedar-wasm, for sets that our engine cannot run: exact, and far slower. */
import {
  type CedarValueJson,
  type EntityJson,
  getCedarSDKVersion,
  preparsePolicySet,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs'
import { Datetime, Duration } from '@credence/cedar/extension/datetime'
import { Decimal } from '@credence/cedar/extension/decimal'
import { IpAddress } from '@credence/cedar/extension/ipaddress'
import type { Schema } from '@credence/cedar/schema'
import { CedarSet, isUid, type Value } from '@credence/cedar/value'
import type { ReadSource } from './check.ts'
import type { Verdict } from './policies.ts'
import type { Built } from './request.ts'

export const WASM = `cedar-wasm ${getCedarSDKVersion()}`

/** An integer that a JavaScript number does not hold exactly would reach cedar-wasm as another one. */
export class Inexact extends Error {
  part: 'properties' | 'arguments' = 'arguments'
}

/**
 * cedar-wasm names only the policies that determined the decision: of permits and forbids together it would hide the
 * permits when a forbid applies. So each is a set of its own, and is asked alone.
 * @throws Error when cedar-wasm does not take them
 */
export function evaluateByWasm(version: string, { policies }: ReadSource, schema: Schema): (built: Built) => Verdict {
  const prepared = (effect: 'permit' | 'forbid') => {
    const some = policies.filter((policy) => policy.effect === effect).map(({ id, json }) => [id, json] as const)
    const name = `${version} ${effect}`
    const answer = preparsePolicySet(name, { staticPolicies: Object.fromEntries(some) })
    if (answer.type === 'failure') throw new Error(answer.errors.map(({ message }) => message).join('; '))
    return (call: Omit<Parameters<typeof statefulIsAuthorized>[0], 'preparsedPolicySetId'>) => {
      const asked = statefulIsAuthorized({ ...call, preparsedPolicySetId: name })
      if (asked.type === 'failure') throw new Error('cedar-wasm did not take the request')
      const { reason, errors } = asked.response.diagnostics
      return { satisfied: reason, errors: errors.map(({ policyId }) => policyId) }
    }
  }
  const permits = prepared('permit')
  const forbids = prepared('forbid')

  return ({ request, known }) => {
    const { principal, action, resource } = request
    const groups = schema.actions.get(action)?.entity.ancestors.list ?? []
    const entities = [...known.map(entityToJson), { uid: action, attrs: {}, parents: [...groups] }]
    const call = { principal, action, resource, context: recordToJson(request.context), entities }
    const [permitted, forbidden] = [permits(call), forbids(call)]
    return {
      permits: permitted.satisfied,
      forbids: forbidden.satisfied,
      errors: [...permitted.errors, ...forbidden.errors],
      erroredForbids: forbidden.errors,
    }
  }
}

function entityToJson({ uid, attributes, tags, ancestors }: Built['known'][number]): EntityJson {
  try {
    return { uid, attrs: recordToJson(attributes), tags: recordToJson(tags), parents: [...ancestors.list] }
  } catch (error) {
    if (error instanceof Inexact) error.part = 'properties'
    throw error
  }
}

const recordToJson = (record: ReadonlyMap<string, Value>): Record<string, CedarValueJson> =>
  Object.fromEntries([...record].map(([name, value]) => [name, valueToJson(value)]))

function valueToJson(value: Value): CedarValueJson {
  if (typeof value === 'bigint') throw new Inexact()
  if (typeof value !== 'object') return value
  if (value instanceof CedarSet) return [...value].map(valueToJson)
  if (value instanceof Datetime) return extension('offset', extension('datetime', '1970-01-01'), durationOf(value))
  if (value instanceof Duration) return durationOf(value)
  if (value instanceof Decimal) return extension('decimal', decimalText(value))
  if (value instanceof IpAddress) return extension('ip', addressText(value))
  if (isUid(value)) return { __entity: { type: value.type, id: value.id } }
  return recordToJson(value as ReadonlyMap<string, Value>)
}

const extension = (fn: string, ...args: CedarValueJson[]): CedarValueJson => ({ __extn: { fn, args } })
const durationOf = ({ milliseconds }: Datetime | Duration) => extension('duration', `${milliseconds}ms`)

function decimalText({ tenThousandths }: Decimal): string {
  const digits = String(tenThousandths).replace('-', '').padStart(5, '0')
  return `${tenThousandths < 0 ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}`
}

function addressText({ words, prefix }: IpAddress): string {
  const bytes = words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255])
  if (words.length === 1) return `${bytes.join('.')}/${prefix}`
  const groups = words.flatMap((word) => [word >>> 16, word & 65_535])
  return `${groups.map((group) => group.toString(16)).join(':')}/${prefix}`
}
