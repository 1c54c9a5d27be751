/** The rules as Cedar policies, one for one, each with its `@id`. Entities are those of the policy service. */
import type { Condition, Rule } from './rule.ts'

export const cedarText = (rules: readonly Rule[]): string => `${rules.map(policy).join('\n\n')}\n`

function policy(rule: Rule): string {
  const head = `${rule.effect} (principal, ${actionScope(rule)}, ${resourceScope(rule)})`
  // A resource that is named has its type in its id.
  const type = rule.resourceType && !rule.resourceId ? [`resource.type == ${JSON.stringify(rule.resourceType)}`] : []
  const conditions = [...type, ...rule.when.map(expression)]
  const when = conditions.length > 0 ? `\nwhen { ${conditions.join(' && ')} }` : ''
  return `@id("${rule.id}")\n${head}${when};`
}

function actionScope({ actions }: Rule): string {
  const names = actions.map((action) => `Action::${JSON.stringify(action)}`)
  if (names.length === 0) return 'action'
  return names.length === 1 ? `action == ${names[0]}` : `action in [${names.join(', ')}]`
}

const resourceScope = ({ resourceType, resourceId }: Rule): string =>
  resourceId ? `resource == Resource::${JSON.stringify(`${resourceType}::${resourceId}`)}` : 'resource is Resource'

function expression(condition: Condition): string {
  if ('is' in condition) return condition.is ? condition.of : `!${condition.of}`
  const wanted = 'in' in condition
  const values = wanted ? condition.in : condition.notIn
  if (values.length === 1) return `${condition.of} ${wanted ? '==' : '!='} ${JSON.stringify(values[0])}`
  return `${wanted ? '' : '!'}${JSON.stringify(values)}.contains(${condition.of})`
}
