/** Cedar's JSON form of a policy ("EST"), as policyToJson and templateToJson give it, as far as it is a type here. */

export type UidJson = { type: string; id: string } | { __entity: { type: string; id: string } }
type Bound = { entity: UidJson } | { slot: string }
export type ScopeJson =
  | { op: 'All' }
  | ({ op: '==' } & Bound)
  | ({ op: 'in' } & Bound)
  | { op: 'is'; entity_type: string; in?: Bound }
export type ActionScopeJson =
  | { op: 'All' }
  | ({ op: '==' } & Bound)
  | ({ op: 'in' } & ({ entity: UidJson } | { entities: UidJson[] }))
export type PolicyJson = {
  effect: 'permit' | 'forbid'
  principal: ScopeJson
  action: ActionScopeJson
  resource: ScopeJson
  conditions: { kind: 'when' | 'unless'; body: object }[]
  annotations?: Record<string, string>
}

/** A static policy, or a template with the entities that fill its slots. */
export type Policy = {
  /** What answers and errors name; for a template, the id of the link. */
  id: string
  policy: PolicyJson
  /** `?principal`, `?resource` */
  slots?: Record<string, { type: string; id: string }>
}
