/** Attestation in words and tables, for people. */
import type { Profile, Rule } from '@credence/contracts/gen/credence/attestation/v1/attestation'
import { parametersOf, statusWord } from './profile-file.ts'

/** Columns as wide as their widest cell; two spaces between them. */
export function toTable(head: string[], rows: string[][]): string {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)))
  const line = (row: string[]) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd()
  return [line(head), ...rows.map(line)].join('\n')
}

/** `12 h`, `5 min`, `90 s`: the largest unit that is exact. */
export function lifeWord(seconds: bigint | number): string {
  const whole = Number(seconds)
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
  ] as const)
    if (whole >= size && whole % size === 0) return `${whole / size} ${unit}`
  return `${whole} s`
}

/** The rule as a tree, one requirement a line. */
export function ruleLines({ rule }: Rule, depth = 1): string[] {
  const indent = '  '.repeat(depth)
  if (!rule) return [`${indent}(nothing)`]
  if (rule.$case === 'evidence') {
    const [, ...parameters] = parametersOf(rule.value)
    const said = parameters.map(([name, value]) =>
      name === 'maximum_age_seconds' ? `at most ${lifeWord(Number(value))} old` : saidParameter(name, value),
    )
    return [`${indent}${[rule.value.kind, ...said].join(', ')}`]
  }
  const word = rule.$case === 'allOf' ? 'all of' : 'any of'
  return [`${indent}${word}`, ...rule.value.rules.flatMap((part) => ruleLines(part, depth + 1))]
}

const saidParameter = (name: string, value: unknown): string => {
  const words = name.replaceAll('_', ' ')
  if (value === true) return words
  return `${words} ${Array.isArray(value) ? value.join(' ') : String(value)}`
}

export function profileText(profile: Profile): string {
  const { blueprint, version, active, rule, worstAcceptableStatus, maximumAgeSeconds } = profile
  const enough = (status: string, life: bigint) => `at worst ${statusWord(status)}; counts for ${lifeWord(life)}`
  return [
    `${blueprint} version ${version}${active ? ' (active)' : ''}: ${enough(worstAcceptableStatus, maximumAgeSeconds)}`,
    ...(rule ? ruleLines(rule) : []),
    ...profile.sensitivities.flatMap((one) => [
      `for ${one.sensitivity} resources and above: ${enough(one.worstAcceptableStatus, one.maximumAgeSeconds)}`,
      ...(one.rule ? ruleLines(one.rule) : []),
    ]),
  ].join('\n')
}

/** What happened to running agents, and what their owners can do. */
export const touched = (agents: number, what: 'quarantined' | 'suspended'): string =>
  agents === 0
    ? 'No running agent rests on it.'
    : `${agents} running ${agents === 1 ? 'agent rests' : 'agents rest'} on it: refused from the next call on, and ${what}.`
