/** From policy text to policies by their `@id`. Text that nobody checked yet goes through the worker first. */
import { type PolicyJson, policySetTextToParts, policyToJson } from '@cedar-policy/cedar-wasm/nodejs'

export type Parsed = {
  /** Policy text by `@id`; positions would rename all later ones when one is inserted. */
  policies: Record<string, string>
  /** Ids of the actions that the policies name. */
  actions: string[]
}
export type Problem = { problem: string }

const MAX_POLICIES = 500
const POLICY_ID = /^[a-z0-9][a-z0-9-]{0,99}$/
const ACTION_ID = /^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+$/

/** Cedar's syntax, plus what we ask of a policy set: no templates, a unique `@id` for each policy, concrete actions. */
export function parse(text: string): Parsed | Problem {
  const parts = policySetTextToParts(text)
  if (parts.type === 'failure') return { problem: parts.errors.map(({ message }) => message).join('; ') }
  if (parts.policy_templates.length > 0) return { problem: 'templates are not supported; write the policies out' }
  if (parts.policies.length === 0) return { problem: 'holds no policy' }
  if (parts.policies.length > MAX_POLICIES) return { problem: `at most ${MAX_POLICIES} policies are allowed` }
  const policies: Record<string, string> = Object.create(null)
  const actions = new Set<string>()
  for (const policy of parts.policies) {
    const json = policyToJson(policy)
    if (json.type === 'failure') return { problem: json.errors.map(({ message }) => message).join('; ') }
    const id = json.json.annotations?.id
    if (!id || !POLICY_ID.test(id))
      return { problem: `"${beginning(policy)}" needs an annotation @id("…") of lower-case letters, digits and dashes` }
    if (id in policies) return { problem: `two policies have the @id "${id}"` }
    policies[id] = policy
    for (const action of actionsIn(json.json)) {
      if (!ACTION_ID.test(action))
        return { problem: `policy "${id}" names Action::"${action}"; an action is like "calendar.book"` }
      actions.add(action)
    }
  }
  return { policies: { ...policies }, actions: [...actions].sort() }
}

const beginning = (policy: string): string => policy.replace(/\s+/g, ' ').slice(0, 80)

/** Entity references stand in the JSON form as `{ type, id }`, in scopes and in conditions. */
function actionsIn(json: PolicyJson): string[] {
  const found: string[] = []
  const visit = (value: unknown): void => {
    if (!value || typeof value !== 'object') return
    const { type, id } = value as { type?: unknown; id?: unknown }
    if (type === 'Action' && typeof id === 'string') found.push(id)
    for (const member of Object.values(value)) visit(member)
  }
  visit([json.action, json.conditions])
  return found
}
