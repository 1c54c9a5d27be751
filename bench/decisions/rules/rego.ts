/**
 * The rules as Rego: one rule each, in the part of the language that OPA's rule index understands (`==` and `in` on parts
 * of the input), so that only those that can match are evaluated.
 */
import type { Condition, Rule } from './rule.ts'

const INPUT: Record<Condition['of'], string> = {
  'principal.blueprint': 'input.subject.blueprint',
  'resource.sensitivity': 'input.resource.sensitivity',
  'resource.location': 'input.resource.location',
  'context.attestation.status': 'input.context.attestation',
  'context.location.trusted': 'input.context.trusted',
}

const HEAD = `package company

default allow := false

allow if {
	permit
	not forbid
}
`

/** The decision is `data.company.allow`. */
export const regoModule = (rules: readonly Rule[]): string => [HEAD, ...rules.map(written)].join('\n')

function written(rule: Rule): string {
  const lines = [
    ...oneOf('input.action', rule.actions),
    ...oneOf('input.resource.type', rule.resourceType ? [rule.resourceType] : []),
    ...oneOf('input.resource.id', rule.resourceId ? [rule.resourceId] : []),
    ...rule.when.flatMap(expression),
  ]
  return `# ${rule.id}\n${rule.effect} if {\n${lines.map((line) => `\t${line}\n`).join('')}}\n`
}

function expression(condition: Condition): string[] {
  const part = INPUT[condition.of]
  if ('is' in condition) return [`${part} == ${condition.is}`]
  if ('in' in condition) return oneOf(part, condition.in)
  const [only, ...others] = condition.notIn
  if (others.length === 0) return [`${part} != ${JSON.stringify(only)}`]
  return [`not ${part} in ${set(condition.notIn)}`]
}

/** Nothing for no values: every one will do. */
function oneOf(part: string, values: readonly string[]): string[] {
  if (values.length === 0) return []
  return [values.length === 1 ? `${part} == ${JSON.stringify(values[0])}` : `${part} in ${set(values)}`]
}

const set = (values: readonly string[]): string => `{${values.map((value) => JSON.stringify(value)).join(', ')}}`
