/**
 * One rule of a company, in no language yet. cedar.ts, cerbos.ts and rego.ts beside this file say it in three; `answer`
 * says what all three mean: nothing is allowed by default, and a rule that forbids beats those that permit.
 */

export type Attribute =
  | 'principal.blueprint'
  | 'resource.sensitivity'
  | 'resource.location'
  | 'context.attestation.status'

export type Condition =
  | { of: Attribute; in: readonly string[] }
  | { of: Attribute; notIn: readonly string[] }
  | { of: 'context.location.trusted'; is: boolean }

export type Rule = {
  /** Lower-case letters, digits and dashes. */
  id: string
  effect: 'permit' | 'forbid'
  /** None: every action. */
  actions: readonly string[]
  /** Absent: resources of every type. */
  resourceType?: string
  /** One resource of that type. */
  resourceId?: string
  /** All of them. */
  when: readonly Condition[]
}

/** What a decision is asked about, with all that rules may look at. */
export type Asked = {
  agent: string
  blueprint: string
  action: string
  resourceType: string
  resourceId: string
  sensitivity: string
  /** The resource server. */
  location: string
  trusted: boolean
  attestationStatus: string
}

const READ: Record<Attribute, (asked: Asked) => string> = {
  'principal.blueprint': ({ blueprint }) => blueprint,
  'resource.sensitivity': ({ sensitivity }) => sensitivity,
  'resource.location': ({ location }) => location,
  'context.attestation.status': ({ attestationStatus }) => attestationStatus,
}

function holds(condition: Condition, asked: Asked): boolean {
  if ('is' in condition) return asked.trusted === condition.is
  const value = READ[condition.of](asked)
  return 'in' in condition ? condition.in.includes(value) : !condition.notIn.includes(value)
}

const matches = (rule: Rule, asked: Asked): boolean =>
  (rule.actions.length === 0 || rule.actions.includes(asked.action)) &&
  (rule.resourceType === undefined || rule.resourceType === asked.resourceType) &&
  (rule.resourceId === undefined || rule.resourceId === asked.resourceId) &&
  rule.when.every((condition) => holds(condition, asked))

/** Answers by these rules. They are sorted by resource type once, since a set of 10,000 is asked 100,000 times. */
export function answerer(rules: readonly Rule[]): (asked: Asked) => boolean {
  const byType = new Map<string | undefined, Rule[]>()
  for (const rule of rules) byType.set(rule.resourceType, [...(byType.get(rule.resourceType) ?? []), rule])
  const ofAll = byType.get(undefined) ?? []
  return (asked) => {
    const matching = [...ofAll, ...(byType.get(asked.resourceType) ?? [])].filter((rule) => matches(rule, asked))
    return matching.some(({ effect }) => effect === 'permit') && !matching.some(({ effect }) => effect === 'forbid')
  }
}
