/** One evaluation by cedar-wasm, from a policy set that was parsed before. Only the entities of the request are passed. */
import { type CedarValueJson, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs'
import type { Agent } from '@credence/contracts/principals/agent'
import type { EvaluationContext, Question, Verdict } from '../../domain/decision.ts'

export type Asked = Pick<Question, 'action' | 'resource' | 'audience'>
export type Asking = Pick<Agent, 'agent' | 'blueprint' | 'kind' | 'autonomy'> & {
  model: { provider: string; name: string }
}

/**
 * @param set id under which the policies were parsed
 * @throws WebAssembly.RuntimeError when the instance is broken, and then at every call
 */
export function evaluate(set: string, question: Asked, agent: Asking, context: EvaluationContext): Verdict {
  const principal = { type: 'Agent', id: agent.agent }
  const resource = { type: 'Resource', id: `${question.resource.type}::${question.resource.id}` }
  const { type, sensitivity } = question.resource
  const answer = statefulIsAuthorized({
    preparsedPolicySetId: set,
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
      { uid: resource, attrs: { type, sensitivity, location: question.audience }, parents: [] },
    ],
  })
  if (answer.type === 'failure') return ENGINE_FAILED
  const { decision, diagnostics } = answer.response
  return {
    permit: decision === 'allow',
    policyIds: diagnostics.reason,
    errors: diagnostics.errors.map(({ policyId }) => policyId),
  }
}

/** Not a policy's error but the engine's; denies like one. */
export const ENGINE_FAILED: Verdict = { permit: false, policyIds: [], errors: ['engine'] }

const agentAttributes = (agent: Asking, depth: number): Record<string, CedarValueJson> => ({
  blueprint: agent.blueprint,
  kind: agent.kind,
  autonomy: agent.autonomy,
  model_provider: agent.model.provider,
  model_name: agent.model.name,
  depth,
})
