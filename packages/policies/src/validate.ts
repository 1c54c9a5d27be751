/** Cedar's own validator over a whole set, and what can be proved with it. Runs where cedar-wasm may die. */
import {
  type Clause,
  isAuthorized,
  type PolicyJson,
  type SchemaJson,
  validate as validateSome,
} from '@cedar-policy/cedar-wasm/nodejs'
import { ANY_OTHER } from './base-schema.ts'
import { detailOf } from './engine-error.ts'
import { hangsOnValues, readsSomething } from './lint/reads.ts'
import { scopeOf } from './lint/scope.ts'
import type { Finding } from './policies.ts'
import type { Policy } from './read.ts'
import { type PlatformSchema, wholeSchema } from './schema.ts'

/** Cedar checks every policy for every action of the schema: so policies are checked together with few. */
const ACTIONS_AT_ONCE = 12
const IMPOSSIBLE = /policy is impossible/
const NO_ACTION = /unable to find an applicable action/

/** Type errors; policies that can never apply; conditions that are always true. */
export function validate(policies: readonly Policy[], platform: PlatformSchema, members: Members): Finding[] {
  const findings: Finding[] = []
  for (const some of chunks(policies, platform, members)) findings.push(...check(some, platform))
  return findings
}

export type Members = (group: string) => string[]

type Chunk = { policies: Policy[]; actions: Set<string> }

/** Policies with the actions that can make a difference to them: those that their scope fits or that they name. */
function* chunks(policies: readonly Policy[], platform: PlatformSchema, members: Members): Iterable<Chunk> {
  const declared = Object.keys(platform.actions)
  const relevant = (policy: Policy): string[] => {
    const { actions } = scopeOf(policy.json, members)
    return [...new Set([...policy.actions, ...(actions ?? [...declared, ANY_OTHER])])]
  }
  const sorted = policies.map((policy) => ({ policy, actions: relevant(policy).sort() }))
  sorted.sort((left, right) => (left.actions.join() < right.actions.join() ? -1 : 1))
  let chunk: Chunk = { policies: [], actions: new Set() }
  for (const { policy, actions } of sorted) {
    const joined = new Set([...chunk.actions, ...actions])
    if (chunk.policies.length > 0 && joined.size > Math.max(ACTIONS_AT_ONCE, actions.length)) {
      yield chunk
      chunk = { policies: [policy], actions: new Set(actions) }
    } else chunk = { policies: [...chunk.policies, policy], actions: joined }
  }
  if (chunk.policies.length > 0) yield chunk
}

function check({ policies, actions }: Chunk, platform: PlatformSchema): Finding[] {
  const schema = schemaOf(actions, platform)
  const answer = validateAll(schema, new Map(policies.map(({ id, json }) => [id, json])))
  const findings = answer.errors.map(
    ({ policy, message }): Finding => ({ severity: 'error', code: 'type', policy, message }),
  )
  const ill = new Set(answer.errors.map(({ policy }) => policy))
  const dead = new Map<string, string>()
  for (const { policy, message } of answer.warnings) {
    if (ill.has(policy)) continue
    if (NO_ACTION.test(message))
      dead.set(policy, 'never applies: no action that its scope fits exists for that resource')
    else if (IMPOSSIBLE.test(message))
      dead.set(policy, dead.get(policy) ?? 'never applies: its conditions are false for every request')
    else findings.push({ severity: 'warning', code: 'type', policy, message })
  }
  const alive = policies.filter(({ id }) => !ill.has(id) && !dead.has(id))
  const constant = alive.map((policy) => constantClauses(policy))
  for (const { id, never, always } of constant) {
    if (never) dead.set(id, never)
    for (const index of always) findings.push(alwaysTrue(id, index))
  }
  findings.push(
    ...provedTrue(
      alive.filter(({ id }) => !dead.has(id)),
      schema,
    ),
  )
  for (const [policy, message] of dead) findings.push({ severity: 'warning', code: 'unreachable', policy, message })
  return findings
}

/** The whole schema, but for the actions that make no difference here. */
function schemaOf(actions: ReadonlySet<string>, platform: PlatformSchema): SchemaJson<string> {
  const wanted = new Set(actions)
  for (const id of wanted) for (const group of platform.actions[id]?.memberOf ?? []) wanted.add(group.id)
  const declared = Object.entries(platform.actions).filter(([id]) => wanted.has(id))
  const named = [...actions].filter((id) => !Object.hasOwn(platform.actions, id) && id !== ANY_OTHER)
  return wholeSchema({ ...platform, actions: Object.fromEntries(declared) }, named)
}

type Said = { policy: string; message: string }

function validateAll(schema: SchemaJson<string>, policies: ReadonlyMap<string, PolicyJson>) {
  const answer = validateSome({ schema, policies: { staticPolicies: Object.fromEntries(policies) } })
  if (answer.type === 'failure') throw new Error(answer.errors.map(({ message }) => message).join('; '))
  const said = ({ policyId: policy, error }: { policyId: string; error: Parameters<typeof detailOf>[0] }): Said => ({
    policy,
    message: detailOf(error),
  })
  return { errors: once(answer.validationErrors.map(said)), warnings: once(answer.validationWarnings.map(said)) }
}

/** What is wrong is wrong for every action that the policy fits: it is said once. */
function once(all: readonly Said[]): Said[] {
  const seen = new Map<string, Said>()
  for (const { policy, message } of all) {
    const short = message.replace(/ (in context )?for Action::"[^"]*"/, '$1').replace('in context ', 'in the context ')
    const key = `${policy} ${short}`
    if (!seen.has(key)) seen.set(key, { policy, message: short })
  }
  return [...seen.values()]
}

const alwaysTrue = (policy: string, clause: number): Finding => ({
  severity: 'warning',
  code: 'always_true',
  policy,
  message: `condition ${clause + 1} holds for every request: leave it out, or say what was meant`,
})

/** Clauses that read nothing of the request are simply worked out. */
function constantClauses({ id, effect, json }: Policy): { id: string; never?: string; always: number[] } {
  const always: number[] = []
  for (const [index, clause] of json.conditions.entries()) {
    if (readsSomething(clause.body)) continue
    const outcome = workOut(clause)
    if (outcome === 'true') always.push(index)
    else if (outcome === 'false')
      return { id, never: `never applies: condition ${index + 1} is always false`, always: [] }
    else if (effect === 'permit') return { id, never: `never applies: condition ${index + 1} always fails`, always: [] }
    else return { id, never: `denies all that its scope fits: condition ${index + 1} always fails`, always: [] }
  }
  return { id, always }
}

function workOut(clause: Clause): 'true' | 'false' | 'error' {
  const all = { op: 'All' } as const
  const policy: PolicyJson = { effect: 'permit', principal: all, action: all, resource: all, conditions: [clause] }
  const nobody = { type: 'Nobody', id: '' }
  const answer = isAuthorized({
    principal: nobody,
    action: { type: 'Action', id: '' },
    resource: nobody,
    context: {},
    entities: [],
    policies: { staticPolicies: { policy } },
  })
  if (answer.type === 'failure' || answer.response.diagnostics.errors.length > 0) return 'error'
  return answer.response.decision === 'allow' ? 'true' : 'false'
}

/** A clause whose opposite can never hold where it is reached (Cedar's typechecker says so) always holds there. */
function provedTrue(policies: readonly Policy[], schema: SchemaJson<string>): Finding[] {
  const opposites = new Map<string, PolicyJson>()
  const clauses = new Map<string, { policy: string; index: number }>()
  for (const { id, json } of policies)
    for (const [index, clause] of json.conditions.entries()) {
      if (!readsSomething(clause.body) || hangsOnValues(clause.body)) continue
      const name = `${id} ${index}`
      const opposite: Clause = { kind: clause.kind === 'when' ? 'unless' : 'when', body: clause.body }
      opposites.set(name, { ...json, conditions: [...json.conditions.slice(0, index), opposite] })
      clauses.set(name, { policy: id, index })
    }
  if (opposites.size === 0) return []
  const { warnings } = validateAll(schema, opposites)
  return warnings
    .filter(({ message }) => IMPOSSIBLE.test(message))
    .flatMap(({ policy: name }) => {
      const clause = clauses.get(name)
      return clause ? [alwaysTrue(clause.policy, clause.index)] : []
    })
}
