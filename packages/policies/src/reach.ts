/**
 * What no permit of a version can ever reach, whatever its conditions say: for cutting grants when they are issued. Only
 * scopes are looked at, so what is kept here is still decided act by act.
 */
import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs'
import { RESOURCE } from './base-schema.ts'
import type { Policy } from './read.ts'

/** A part of an authority: action and resource as in RFC 9396 details of ours, each maybe ending in a star. */
export type Part = { agent: string; blueprint: string; action: string; resource: string }

type Uid = { type: string; id: string }
type Scope = PolicyJson['principal'] | PolicyJson['action'] | PolicyJson['resource']

/** @returns whether some permit's scope could fit */
export function reachOf(policies: readonly Pick<Policy, 'effect' | 'json'>[]): (part: Part) => boolean {
  const permits = policies.filter(({ effect }) => effect === 'permit').map(({ json }) => json)
  return (part) =>
    permits.some(
      ({ principal, action, resource }) =>
        mayBePrincipal(principal, part) && mayBeAction(action, part.action) && mayBeResource(resource, part.resource),
    )
}

function mayBePrincipal(scope: Scope, { agent, blueprint }: Part): boolean {
  if (scope.op === 'is' && scope.entity_type !== 'Agent') return false
  return wanted(scope).every(
    (uid) =>
      (uid.type === 'Agent' && uid.id === agent) ||
      (scope.op !== '==' && uid.type === 'Blueprint' && uid.id === blueprint),
  )
}

/** A group may hold the action: only what is named exactly is ruled out. */
function mayBeAction(scope: Scope, action: string): boolean {
  if (scope.op !== '==') return true
  return wanted(scope).every(({ id }) => fits(action, id))
}

function mayBeResource(scope: Scope, resource: string): boolean {
  const [type = ''] = resource.split('::')
  if (scope.op === 'is' && scope.entity_type !== type && scope.entity_type !== RESOURCE) return false
  if (scope.op !== '==') return true
  return wanted(scope).every((uid) => fits(resource, uid.type === RESOURCE ? uid.id : `${uid.type}::${uid.id}`))
}

const fits = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name

/** Entities that the scope names. */
function wanted(scope: Scope): Uid[] {
  const named = scope as { entity?: unknown; entities?: unknown[]; in?: { entity?: unknown } }
  const all = [named.entity, ...(named.entities ?? []), named.in?.entity].filter((one) => one !== undefined)
  return all.map((one) => ((one as { __entity?: Uid }).__entity ?? one) as Uid)
}
