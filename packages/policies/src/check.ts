/** Everything that is said of a version before it may be used, as one recipe. Runs where cedar-wasm may die. */
import type { PolicyJson, SchemaJson } from '@cedar-policy/cedar-wasm/nodejs'
import { readAnnotations } from './annotations.ts'
import { mayError } from './lint/may-error.ts'
import { scopeOf } from './lint/scope.ts'
import { type Scoped, shadowed } from './lint/shadowed.ts'
import type { Finding } from './policies.ts'
import { type Policy, readPolicies } from './read.ts'
import { type PlatformSchema, readPlatformSchema, schemaText, wholeSchema } from './schema.ts'
import { type Members, validate } from './validate.ts'

/** The text of a version. */
export type Source = { policies: string; schema: string }

/** A version as data: nothing of it has to be parsed again. */
export type ReadSource = {
  policies: { id: string; effect: 'permit' | 'forbid'; json: PolicyJson; text?: string }[]
  /** The whole schema, as JSON and in Cedar's own syntax. */
  schema: SchemaJson<string>
  schemaText: string
  /** Actions of the platform's schema that can be asked for. */
  actions: string[]
}

/** @returns the version as data when no finding is an error */
export function check(source: Source): { findings: Finding[]; read?: ReadSource } {
  const parsed = parse(source)
  if ('findings' in parsed) return parsed
  const { platform, policies } = parsed
  const members = membersOf(platform)
  const findings: Finding[] = []
  const scoped = policies.map((policy): Scoped => {
    const annotations = readAnnotations(policy.id, policy.effect, policy.json.annotations)
    findings.push(...annotations.findings)
    return { policy, scope: scopeOf(policy.json, members), meaning: annotations.meaning }
  })
  findings.push(...validate(policies, platform, members))
  const dead = new Set(findings.filter(({ code }) => code === 'unreachable').map(({ policy }) => policy))
  const entities = referencesIn(platform)
  for (const policy of policies) findings.push(...mayError(policy, (attribute) => entities.has(attribute)))
  findings.push(...shadowed(scoped.filter(({ policy }) => !dead.has(policy.id))))
  findings.sort(bySeverity)
  return findings.some(({ severity }) => severity === 'error') ? { findings } : { findings, read: asData(parsed) }
}

const bySeverity = (left: Finding, right: Finding): number =>
  left.severity === right.severity ? (left.policy < right.policy ? -1 : 1) : left.severity === 'error' ? -1 : 1

/** Reads a version that was checked before. */
export function read(source: Source, withText = false): { findings: Finding[]; read?: ReadSource } {
  const parsed = parse(source)
  return 'findings' in parsed ? parsed : { findings: [], read: asData(parsed, withText) }
}

type Parsed = { platform: PlatformSchema; policies: Policy[] }

function parse({ policies: text, schema }: Source): Parsed | { findings: Finding[] } {
  const merged = readPlatformSchema(schema)
  if ('findings' in merged) return merged
  const { platform } = merged
  const parsed = readPolicies(text, new Set(Object.keys(platform.actions)))
  return 'findings' in parsed ? parsed : { platform, policies: parsed.policies }
}

function asData({ platform, policies }: Parsed, withText = false): ReadSource {
  const named = new Set(policies.flatMap(({ actions }) => actions))
  const undeclared = [...named].filter((action) => !Object.hasOwn(platform.actions, action)).sort()
  const schema = wholeSchema(platform, undeclared)
  const declared = Object.entries(platform.actions).filter(([, { appliesTo }]) => appliesTo?.resourceTypes.length)
  return {
    policies: policies.map(({ id, effect, json, text }) => ({ id, effect, json, ...(withText && { text }) })),
    schema,
    schemaText: schemaText(schema),
    actions: declared.map(([id]) => id),
  }
}

/** An action with all that lies below it. */
function membersOf({ actions }: PlatformSchema): Members {
  const below = new Map<string, string[]>()
  for (const [id, { memberOf = [] }] of Object.entries(actions))
    for (const group of memberOf) below.set(group.id, [...(below.get(group.id) ?? []), id])
  return (group) => {
    const found = new Set([group])
    // A set that grows while it is walked is walked to its new end.
    for (const id of found) for (const member of below.get(id) ?? []) found.add(member)
    return [...found]
  }
}

/** Names of attributes, anywhere in the platform's schema, that hold a reference to an entity. */
function referencesIn({ entityTypes, commonTypes, actions }: PlatformSchema): Set<string> {
  const found = new Set<string>()
  const open: unknown[] = [entityTypes, commonTypes, actions]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (!value || typeof value !== 'object') continue
    for (const [name, member] of Object.entries(value)) {
      const { type, name: of } = (member ?? {}) as { type?: unknown; name?: unknown }
      const kind = type === 'EntityOrCommon' || type === 'Entity' ? of : type
      if (typeof kind === 'string' && Object.hasOwn(entityTypes, kind)) found.add(name)
      open.push(member)
    }
  }
  return found
}
