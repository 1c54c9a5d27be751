/** What a policy's scope fits, in a form in which two scopes can be compared. */
import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs'

type Uid = { type: string; id: string }

export type Scope = {
  /** "*", or a text that is the same for the same constraint; `wider` has those that fit at least as much. */
  principal: { key: string; wider: string[] }
  resource: { key: string; wider: string[] }
  /** Actions that fit; undefined: all, named or not. */
  actions: ReadonlySet<string> | undefined
}

const ALL = '*'

/** @param members of a group of actions: all actions below it, and itself */
export function scopeOf(json: PolicyJson, members: (group: string) => Iterable<string>): Scope {
  return {
    principal: principalOf(json.principal),
    resource: resourceOf(json.resource),
    actions: actionsOf(json.action, members),
  }
}

/** True when `outer` fits everything that `inner` fits. */
export const isWider = (outer: Scope, inner: Scope): boolean =>
  inner.principal.wider.includes(outer.principal.key) &&
  inner.resource.wider.includes(outer.resource.key) &&
  coversActions(outer.actions, inner.actions)

export const coversActions = (outer: Scope['actions'], inner: Scope['actions']): boolean =>
  outer === undefined || (inner !== undefined && [...inner].every((action) => outer.has(action)))

const uidOf = (reference: unknown): Uid => {
  const found = reference as Uid | { __entity: Uid }
  return '__entity' in found ? found.__entity : found
}
const spell = ({ type, id }: Uid): string => `${type}::${JSON.stringify(id)}`
const constraint = (...narrowToWide: string[]) => ({ key: narrowToWide[0] ?? ALL, wider: [...narrowToWide, ALL] })

/** Only agents ask, so `is Agent` fits all; only blueprints are above agents. */
function principalOf(json: PolicyJson['principal']) {
  switch (json.op) {
    case 'All':
      return constraint()
    case 'is':
      if (json.entity_type !== 'Agent') return constraint(`is ${json.entity_type}`)
      return json.in && 'entity' in json.in ? constraint(`in ${spell(uidOf(json.in.entity))}`) : constraint()
    default: {
      if (!('entity' in json)) return constraint('slot')
      const uid = uidOf(json.entity)
      return constraint(`${json.op === 'in' && uid.type !== 'Agent' ? 'in' : '=='} ${spell(uid)}`)
    }
  }
}

/** Nothing is above a resource, so `in` fits itself only. */
function resourceOf(json: PolicyJson['resource']) {
  switch (json.op) {
    case 'All':
      return constraint()
    case 'is':
      return json.in && 'entity' in json.in
        ? constraint(`== ${spell(uidOf(json.in.entity))}`, `is ${json.entity_type}`)
        : constraint(`is ${json.entity_type}`)
    default: {
      if (!('entity' in json)) return constraint('slot')
      const uid = uidOf(json.entity)
      return constraint(`== ${spell(uid)}`, `is ${uid.type}`)
    }
  }
}

function actionsOf(json: PolicyJson['action'], members: (group: string) => Iterable<string>): Scope['actions'] {
  switch (json.op) {
    case 'All':
      return undefined
    case '==':
      return new Set('entity' in json ? [uidOf(json.entity).id] : [])
    default: {
      const groups = 'entities' in json ? json.entities : [json.entity]
      return new Set(groups.flatMap((group) => [...members(uidOf(group).id)]))
    }
  }
}
