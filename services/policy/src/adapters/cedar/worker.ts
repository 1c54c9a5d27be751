/** Runs in a worker: policy text can kill a cedar-wasm instance for good (150 nested parentheses do). */
import { parentPort, workerData } from 'node:worker_threads'
import { preparsePolicySet, validate } from '@cedar-policy/cedar-wasm/nodejs'
import { evaluate } from './evaluate.ts'
import { type Problem, parse } from './parse.ts'
import { schemaFor } from './schema.ts'

export type Checked = { policyIds: string[]; schema: string }

const TRIAL = {
  question: { resource: { type: 'Trial', id: '1', sensitivity: 'restricted' }, audience: 'https://trial.example' },
  agent: {
    agent: 'agt_trial',
    blueprint: 'trial',
    kind: 'ephemeral',
    autonomy: 'delegated',
    model: { provider: 'trial', name: 'trial' },
  },
  context: { location: { name: 'unknown', trusted: false }, depth: 0, attestationStatus: 'affirming' },
} as const

/** Parses, validates against the schema, and tries the policies on a request for each action. */
function check(text: string): Checked | Problem {
  const parsed = parse(text)
  if ('problem' in parsed) return parsed
  const { policies, actions } = parsed
  const schema = schemaFor(actions)
  const answer = validate({ schema, policies: { staticPolicies: policies } })
  if (answer.type === 'failure') return { problem: answer.errors.map(({ message }) => message).join('; ') }
  const problems = answer.validationErrors.map(({ error }) => [error.message, error.help].filter(Boolean).join(': '))
  if (problems.length > 0) return { problem: [...new Set(problems)].slice(0, 5).join('; ') }
  const loaded = preparsePolicySet('trial', { staticPolicies: policies })
  if (loaded.type === 'failure') return { problem: loaded.errors.map(({ message }) => message).join('; ') }
  for (const action of [...actions, 'any.other'])
    evaluate('trial', { ...TRIAL.question, action }, TRIAL.agent, TRIAL.context)
  return { policyIds: Object.keys(policies), schema }
}

parentPort?.postMessage(check(String(workerData)))
