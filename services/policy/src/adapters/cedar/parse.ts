/** Runs in a worker: policy text can kill a cedar-wasm instance for good (150 nested parentheses do). */
import { parentPort, workerData } from 'node:worker_threads'
import { policySetTextToParts, policyToJson } from '@cedar-policy/cedar-wasm/nodejs'

export type Parsed = { policies: Record<string, string> } | { problem: string }

const MAX_POLICIES = 500

parentPort?.postMessage(parse(String(workerData)))

/** Policies by their `@id`; positions would rename all later ones when one is inserted. */
function parse(text: string): Parsed {
  const parts = policySetTextToParts(text)
  if (parts.type === 'failure') return { problem: parts.errors.map(({ message }) => message).join('; ') }
  if (parts.policy_templates.length > 0) return { problem: 'templates are not supported' }
  if (parts.policies.length > MAX_POLICIES) return { problem: `at most ${MAX_POLICIES} policies are allowed` }
  const policies: Record<string, string> = Object.create(null)
  for (const [index, policy] of parts.policies.entries()) {
    const json = policyToJson(policy)
    if (json.type === 'failure') return { problem: json.errors.map(({ message }) => message).join('; ') }
    const id = json.json.annotations?.id
    if (!id || !/^[a-z0-9][a-z0-9-]{0,99}$/.test(id))
      return { problem: `policy ${index + 1} needs an annotation @id("…") of lower-case letters, digits and dashes` }
    if (id in policies) return { problem: `two policies have the @id "${id}"` }
    policies[id] = policy
  }
  return { policies: { ...policies } }
}
