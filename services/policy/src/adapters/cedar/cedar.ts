/** The Cedar engine: policy sets are checked in a worker that may die, and evaluated here from their parsed form. */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import {
  type CedarValueJson,
  getCedarSDKVersion,
  preparsePolicySet,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs'
import { invalid } from '@credence/contracts/errors'
import type { Agent } from '@credence/contracts/principals/agent'
import { sha256 } from '@credence/shared/digest'
import type { EvaluationContext, Evaluator, Question, Verdict } from '../../domain/decision.ts'
import type { PolicySet } from '../../domain/policyset.ts'
import type { Parsed } from './parse.ts'

export const ENGINE = `cedar-wasm ${getCedarSDKVersion()}`

const MAX_TEXT_BYTES = 40_000
const PARSE_MS = 5_000

/** @throws CredenceError `invalid_argument` naming `cedar` and what is wrong with it */
export async function checkPolicies(text: string): Promise<PolicySet> {
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) throw invalid('cedar', `must be at most ${MAX_TEXT_BYTES} bytes`)
  const parsed = await parseInWorker(text)
  if ('problem' in parsed) throw invalid('cedar', parsed.problem)
  const policyIds = Object.keys(parsed.policies)
  if (policyIds.length === 0) throw invalid('cedar', 'holds no policy')
  return {
    version: sha256(JSON.stringify(['', text, ENGINE])),
    cedar: text,
    schema: '',
    policy_ids: policyIds,
    engine: ENGINE,
  }
}

function parseInWorker(text: string): Promise<Parsed> {
  return new Promise((resolve) => {
    const worker = new Worker(new URL(`./parse${extname(import.meta.url)}`, import.meta.url), {
      workerData: text,
      resourceLimits: { maxOldGenerationSizeMb: 256 },
    })
    const finish = (parsed: Parsed) => {
      clearTimeout(timer)
      resolve(parsed)
      void worker.terminate()
    }
    const timer = setTimeout(() => finish({ problem: 'takes too long to parse' }), PARSE_MS)
    worker.once('message', finish)
    worker.once('error', () => finish({ problem: 'is nested too deeply, or breaks the parser in another way' }))
    worker.once('exit', () => finish({ problem: 'breaks the parser' }))
  })
}

/** Loads a policy set that was checked before it was recorded. @throws Error when this engine cannot load it */
export async function loadPolicies(set: PolicySet): Promise<Evaluator> {
  const parsed = await parseInWorker(set.cedar)
  if ('problem' in parsed) throw new Error(`policy set ${set.version}: ${parsed.problem}`)
  const loaded = preparsePolicySet(set.version, { staticPolicies: parsed.policies })
  if (loaded.type === 'failure')
    throw new Error(`policy set ${set.version}: ${loaded.errors.map(({ message }) => message).join('; ')}`)
  return (question, agent, context) => evaluate(set.version, question, agent, context)
}

function evaluate(version: string, question: Question, agent: Agent, context: EvaluationContext): Verdict {
  const principal = { type: 'Agent', id: agent.agent }
  const resource = { type: 'Resource', id: `${question.resource.type}::${question.resource.id}` }
  const answer = statefulIsAuthorized({
    preparsedPolicySetId: version,
    principal,
    action: { type: 'Action', id: question.action },
    resource,
    context: {
      location: { name: context.location.name, trusted: context.location.trusted },
      attestation: { status: context.attestationStatus },
      audience: question.audience,
    },
    entities: [
      { uid: principal, attrs: agentAttributes(agent, context.depth), parents: [] },
      {
        uid: resource,
        attrs: {
          type: question.resource.type,
          sensitivity: question.resource.sensitivity,
          location: question.audience,
        },
        parents: [],
      },
    ],
  })
  if (answer.type === 'failure') return { permit: false, policyIds: [], errors: ['engine'] }
  const { decision, diagnostics } = answer.response
  return {
    permit: decision === 'allow',
    policyIds: diagnostics.reason,
    errors: diagnostics.errors.map(({ policyId }) => policyId),
  }
}

const agentAttributes = (agent: Agent, depth: number): Record<string, CedarValueJson> => ({
  blueprint: agent.blueprint,
  kind: agent.kind,
  autonomy: agent.autonomy,
  model_provider: agent.model.provider,
  model_name: agent.model.name,
  delegation_depth: depth,
})
