/** Events of the POLICY stream, and the decision records of DECISIONS. */
import { z } from 'zod'
import { AuthorizationDetails, DroppedAuthority } from '../authority.ts'
import {
  AgentId,
  DecisionId,
  DelegationId,
  EarStatus,
  GrantId,
  HumanId,
  Instant,
  Prose,
  ResultId,
  Sensitivity,
  Sha256,
  Slug,
  TaskId,
  Trigger,
} from './values.ts'

export const policyEvents = {
  'credence.policy.policyset.activated.v1': z.strictObject({
    version: Sha256,
    /** The Cedar text, and the schema it was checked against. */
    cedar: z.string(),
    schema: z.string(),
    policy_ids: z.array(z.string()),
    engine: z.string(),
  }),
  'credence.policy.location.defined.v1': z.strictObject({
    name: Slug,
    ranges: z.array(z.string()),
    trusted: z.boolean(),
  }),
  'credence.policy.task.opened.v1': z.strictObject({
    task: TaskId,
    agent: AgentId,
    delegation: DelegationId,
    human: HumanId,
    trigger: Trigger,
    purpose: Prose,
  }),
  'credence.policy.task.refused.v1': z.strictObject({
    task: TaskId,
    agent: AgentId,
    delegation: DelegationId,
    trigger: Trigger,
    purpose: Prose,
    reason: z.string(),
    dropped: z.array(DroppedAuthority),
  }),
  'credence.policy.grant.issued.v1': z.strictObject({
    grant: GrantId,
    task: TaskId,
    agent: AgentId,
    delegation: DelegationId,
    authorization_details: AuthorizationDetails,
    dropped: z.array(DroppedAuthority),
    expires_at: Instant,
  }),
  'credence.policy.task.completed.v1': z.strictObject({
    task: TaskId,
    outcome: z.enum(['succeeded', 'failed', 'abandoned']),
  }),
  'credence.policy.task.aborted.v1': z.strictObject({ task: TaskId, cause: z.string() }),
  'credence.policy.grant.ended.v1': z.strictObject({ grant: GrantId, task: TaskId, cause: z.string() }),
} as const

/** One decision. Everything it relied on is named, so that it can be explained and, later, recomputed. */
export const decisionEvents = {
  'credence.policy.decision.made.v1': z.strictObject({
    decision: DecisionId,
    outcome: z.enum(['allow', 'deny']),
    reasons: z.array(z.string()),
    agent: z.string(),
    action: z.string(),
    resource: z.string(),
    sensitivity: Sensitivity,
    /** The resource server, and the named location of the agent's socket ("unknown" when none fits). */
    audience: z.string(),
    location: z.string(),
    enforcement_point: z.string(),
    token: z.string(),
    grant: z.string(),
    task: TaskId.optional(),
    delegations: z.array(DelegationId),
    human: HumanId.optional(),
    attestation: z.strictObject({ result: ResultId, status: EarStatus, expires_at: Instant }).optional(),
    policy_version: z.string(),
    policy_ids: z.array(z.string()),
    /** How far the decision point had read each stream. */
    positions: z.record(z.string(), z.int()),
    request: z.string().optional(),
  }),
} as const
