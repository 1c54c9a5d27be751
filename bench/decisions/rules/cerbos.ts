/**
 * The rules as Cerbos resource policies, as its documentation writes them: one policy for each kind of resource, actions
 * and kind where it can index them, conditions in CEL. No policy is for all kinds there, so each one has the rules of the
 * whole company as well. Agents have one role and their blueprint is an attribute: with blueprints as roles it is slower,
 * since its index has an entry for each action and each role, and a second role would undo what the first is denied.
 */
import type { Condition, Rule } from './rule.ts'

export const ROLE = 'agent'

const ATTRIBUTES: Record<Condition['of'], string> = {
  'principal.blueprint': 'P.attr.blueprint',
  'resource.sensitivity': 'R.attr.sensitivity',
  'resource.location': 'R.attr.location',
  'context.attestation.status': 'P.attr.attestation',
  'context.location.trusted': 'P.attr.trusted',
}

/** Policy files by name. They are JSON, and so YAML. */
export function cerbosPolicies(rules: readonly Rule[]): Map<string, string> {
  const byKind = Map.groupBy(rules, ({ resourceType }) => resourceType)
  const ofAll = byKind.get(undefined) ?? []
  const files = new Map<string, string>()
  for (const [kind, own] of byKind) {
    if (kind === undefined) continue
    const resourcePolicy = { version: 'default', resource: kind, rules: [...ofAll, ...own].map(written) }
    files.set(`${kind}.yaml`, `${JSON.stringify({ apiVersion: 'api.cerbos.dev/v1', resourcePolicy })}\n`)
  }
  return files
}

function written(rule: Rule) {
  const named = rule.resourceId ? [`R.id == ${JSON.stringify(rule.resourceId)}`] : []
  const of = [...named, ...rule.when.map(expression)].map((expr) => ({ expr }))
  return {
    name: rule.id,
    actions: rule.actions.length > 0 ? rule.actions : ['*'],
    effect: rule.effect === 'permit' ? 'EFFECT_ALLOW' : 'EFFECT_DENY',
    roles: [ROLE],
    ...(of.length > 0 ? { condition: { match: of.length === 1 ? of[0] : { all: { of } } } } : {}),
  }
}

function expression(condition: Condition): string {
  const attribute = ATTRIBUTES[condition.of]
  if ('is' in condition) return condition.is ? attribute : `!${attribute}`
  const wanted = 'in' in condition
  const values = wanted ? condition.in : condition.notIn
  if (values.length === 1) return `${attribute} ${wanted ? '==' : '!='} ${JSON.stringify(values[0])}`
  const within = `${attribute} in ${JSON.stringify(values)}`
  return wanted ? within : `!(${within})`
}
