/** The record of a decision: everything from which it can be explained, and recomputed. */
import type { DecisionFact } from '@credence/contracts/events/catalog'
import type { LoadedPolicies, Verdict } from '@credence/policies/policies'
import { conclude, type Decided, type Standing } from './decision.ts'

type Made = DecisionFact['data']

/** @param made.reporting versions that are decided beside the active one, and not enforced */
export function decisionFact(made: {
  decision: string
  protocol: Made['protocol']
  standing: Standing
  decided: Decided
  policies: LoadedPolicies | undefined
  reporting: readonly LoadedPolicies[]
  snapshot: string
  positions: Made['positions']
  request: string
  act?: string
}): DecisionFact {
  const { decided, policies } = made
  const { question, task, chain, result, risk, surroundings } = made.standing
  const { resource } = question
  const data: Made = {
    decision: made.decision,
    outcome: decided.outcome,
    reasons: decided.reasons,
    protocol: made.protocol,
    agent: question.agentId,
    token: question.tokenId,
    grant: question.grantId,
    task: task?.task,
    delegations: chain?.map(({ delegation }) => delegation) ?? [],
    human: chain?.at(-1)?.human,
    action: question.action,
    resource: `${resource.type}::${resource.id}`,
    sensitivity: resource.sensitivity,
    audience: question.audience,
    location: surroundings.location,
    enforcement_point: surroundings.enforcementPoint.id,
    enforcement_point_location: surroundings.enforcementPoint.location,
    act: made.act,
    attestation: result && { result: result.result, status: result.status, expires_at: result.expires_at },
    risk: risk.name,
    policy_version: policies?.version ?? '',
    engine: policies?.engine ?? '',
    verdict: recordedVerdict(decided.verdict),
    reports: orNone(made.reporting.flatMap((candidate) => reportOf(candidate, made.standing))),
    snapshot: made.snapshot,
    token_revoked: surroundings.tokenRevoked,
    stale: [...surroundings.stale],
    used: usedBefore(made.standing),
    approval: decided.approval && {
      approval: decided.approval.approval,
      standing: decided.approval.standing,
      approver: decided.approval.approver,
      persons: decided.approval.persons,
      approved_by: decided.approval.approvedBy,
    },
    supported_obligations: orNone([...question.supportedObligations]),
    obligations: orNone(decided.obligations),
    approval_needed: decided.needed && {
      policy: decided.needed.policy,
      approver: decided.needed.approver,
      persons: decided.needed.persons,
      within_seconds: decided.needed.withinSeconds,
    },
    relied_until: decided.reliedUntil > 0 ? new Date(decided.reliedUntil).toISOString() : undefined,
    positions: made.positions,
    request: made.request || undefined,
  }
  return { type: 'credence.policy.decision.made.v1', data }
}

export const recordedVerdict = (verdict: Verdict | undefined): Made['verdict'] =>
  verdict && {
    permits: verdict.permits,
    forbids: verdict.forbids,
    errors: verdict.errors,
    errored_forbids: verdict.erroredForbids,
    ...(verdict.misfits ? { misfits: verdict.misfits.map(({ part }) => part) } : {}),
  }

/** What a version would have decided. */
export function reportOf(candidate: LoadedPolicies, standing: Standing): NonNullable<Made['reports']> {
  const decided = conclude(standing, candidate)
  const verdict = recordedVerdict(decided.verdict)
  return verdict ? [{ version: candidate.version, outcome: decided.outcome, verdict }] : []
}

/** What the book said of everything limited on this line, when it was decided. */
const usedBefore = ({ spending: { looked } }: Standing): Made['used'] =>
  looked.length === 0
    ? undefined
    : Object.fromEntries(looked.map(({ node, detail, used }) => [`${node}/${detail}`, used]))

const orNone = <T>(list: T[]): T[] | undefined => (list.length > 0 ? list : undefined)
