/** From policy text to policies by their `@id`. Text that nobody checked yet is read where cedar-wasm may die. */
import { type PolicyJson, policySetTextToParts, policyToJson } from '@cedar-policy/cedar-wasm/nodejs'
import { withExactLongs } from '@credence/cedar/exact-longs'
import { ACTION_ID } from './base-schema.ts'
import { detailOf, lineOf } from './engine-error.ts'
import type { Finding } from './policies.ts'

/** One policy; its id is its `@id`, never its position: inserting one would rename all later ones. */
export type Policy = {
  id: string
  effect: 'permit' | 'forbid'
  json: PolicyJson
  text: string
  /** Ids of the actions that it names, in scope and conditions. */
  actions: string[]
}

export const MAX_POLICIES = 10_000
const MAX_SYNTAX_FINDINGS = 20
const POLICY_ID = /^[a-z0-9][a-z0-9-]{0,99}$/
/** Levels of the JSON form; one level of text is two or three of them. Cedar's own parser ends near 120 parentheses. */
const MAX_DEPTH = 300

const problem = (code: Finding['code'], message: string, policy = ''): Finding => ({
  severity: 'error',
  code,
  policy,
  message,
})

/**
 * Cedar's syntax, plus what we ask of a set: no templates, a unique `@id` for each policy, concrete actions.
 * @param declared actions and groups of the platform's schema
 */
export function readPolicies(
  text: string,
  declared: ReadonlySet<string>,
): { policies: Policy[] } | { findings: Finding[] } {
  const parts = policySetTextToParts(text)
  if (parts.type === 'failure')
    return refuse(
      ...parts.errors
        .slice(0, MAX_SYNTAX_FINDINGS)
        .map((error) => problem('syntax', `${lineOf(error, text)}${detailOf(error)}`)),
    )
  if (parts.policy_templates.length > 0)
    return refuse(problem('template', 'templates are not supported; write the policies out'))
  if (parts.policies.length === 0) return refuse(problem('limit', 'holds no policy'))
  if (parts.policies.length > MAX_POLICIES)
    return refuse(problem('limit', `at most ${MAX_POLICIES} policies are allowed`))

  const policies = new Map<string, Policy>()
  const findings: Finding[] = []
  for (const written of parts.policies) {
    const read = policyToJson(withExactLongs(written))
    if (read.type === 'failure') return refuse(...read.errors.map((error) => problem('syntax', detailOf(error))))
    const { json } = read
    const id = json.annotations?.id ?? ''
    if (!POLICY_ID.test(id)) {
      const wanted = 'needs an annotation @id("…") of lower-case letters, digits and dashes'
      findings.push(problem('id', `"${beginning(written)}" ${wanted}`))
    } else if (policies.has(id)) findings.push(problem('id', `two policies have the @id "${id}"`, id))
    else if (depthOf(json.conditions) > MAX_DEPTH) findings.push(problem('limit', 'is nested too deeply', id))
    else {
      const actions = actionsIn(json)
      for (const action of actions)
        if (!declared.has(action) && !ACTION_ID.test(action))
          findings.push(
            problem(
              'action',
              `names Action::"${action}", which no schema declares; an action is like "calendar.book"`,
              id,
            ),
          )
      policies.set(id, { id, effect: json.effect, json, text: written, actions })
    }
  }
  return findings.length > 0 ? { findings } : { policies: [...policies.values()] }
}

const refuse = (...findings: Finding[]) => ({ findings })

const beginning = (policy: string): string => policy.replace(/\s+/g, ' ').slice(0, 80)

/** Walked with a list of its own: depth costs no stack. */
function depthOf(value: unknown): number {
  let depth = 0
  for (let level = [value]; level.length > 0; depth++)
    level = level.flatMap((one) => (one && typeof one === 'object' ? Object.values(one) : []))
  return depth
}

/** Entity references stand in the JSON form as `{ type, id }`, in scopes and in conditions. */
function actionsIn(json: PolicyJson): string[] {
  const found = new Set<string>()
  const open: unknown[] = [json.action, json.conditions]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (!value || typeof value !== 'object') continue
    const { type, id } = value as { type?: unknown; id?: unknown }
    if (type === 'Action' && typeof id === 'string') found.add(id)
    open.push(...Object.values(value))
  }
  return [...found]
}
