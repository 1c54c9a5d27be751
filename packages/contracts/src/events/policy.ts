/** Events of the POLICY stream. */
import { z } from 'zod'
import { AuthorizationDetails, DroppedAuthority } from '../authority.ts'
import { Amount } from '../limits.ts'
import {
  AgentId,
  ApprovalId,
  DecisionId,
  DelegationId,
  GrantId,
  HumanId,
  Instant,
  Prose,
  RiskLevel,
  Sensitivity,
  Sha256,
  Slug,
  TaskId,
  Trigger,
} from './values.ts'

/** Policies as code: what the aggregate `policyset/<version>` goes through, and which versions count (`live/policies`). */
const policySetEvents = {
  /** A version: policies and the platform's part of the schema. The text follows in parts, in the same commit or later ones. */
  'credence.policy.policyset.drafted.v1': z.strictObject({
    version: Sha256,
    /** How many parts hold the policies, and how many the platform's schema. */
    policy_parts: z.int().positive(),
    schema_parts: z.int().nonnegative(),
    comment: z.string(),
    /** Pseudonym or SPIFFE ID; somebody else has to sign it off. */
    author: z.string(),
    drafted_at: Instant,
  }),
  'credence.policy.policyset.text_added.v1': z.strictObject({
    version: Sha256,
    of: z.enum(['policies', 'schema']),
    part: z.int().nonnegative(),
    text: z.string(),
  }),
  'credence.policy.policyset.validated.v1': z.strictObject({
    version: Sha256,
    /** Ids of its policies are counted, not listed: there may be ten thousand. */
    policy_count: z.int().positive(),
    /** Digest of the whole schema that it was checked against, and the engine that checked. */
    schema_digest: Sha256,
    engine: z.string(),
    findings: z.array(
      z.strictObject({
        severity: z.enum(['error', 'warning']),
        code: z.string(),
        policy: z.string(),
        message: z.string(),
      }),
    ),
  }),
  'credence.policy.policyset.signed_off.v1': z.strictObject({ version: Sha256, by: z.string(), comment: z.string() }),
  'credence.policy.policyset.retired.v1': z.strictObject({ version: Sha256 }),
  'credence.policy.live.activated.v1': z.strictObject({ version: Sha256, previous: Sha256.optional() }),
  'credence.policy.live.report_started.v1': z.strictObject({ version: Sha256 }),
  'credence.policy.live.report_stopped.v1': z.strictObject({ version: Sha256 }),
} as const

const taskEvents = {
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
  /**
   * An act was counted where its count or total is limited: at the grant and at every delegation and mandate above it. One
   * book holds all that hangs below one root, so that its place in the stream is the fence between decision points.
   */
  'credence.policy.usage.counted.v1': z.strictObject({
    /** The delegation or mandate at the root. */
    root: z.string(),
    decision: DecisionId,
    uses: z
      .array(
        z.strictObject({
          /** Grant, delegation or mandate. */
          node: z.string(),
          /** Index among its authorization details. */
          detail: z.int().nonnegative(),
          amount: Amount.optional(),
        }),
      )
      .min(1),
  }),
} as const

/** A person approves exactly one act. Statement and arguments are kept where they can be erased (`policy_acts`). */
const approvalEvents = {
  'credence.policy.approval.requested.v1': z.strictObject({
    approval: ApprovalId,
    /** The decision that asked for it. */
    decision: DecisionId,
    agent: AgentId,
    human: HumanId,
    task: TaskId,
    grant: GrantId,
    action: z.string(),
    resource: z.string(),
    sensitivity: Sensitivity,
    audience: z.string(),
    /** What exactly is approved: a keyed digest of agent, grant, act, resource, amount and arguments. */
    act: Sha256,
    policy: z.string(),
    /** "delegator", or a role. */
    approver: z.string(),
    persons: z.int().min(1).max(5),
    expires_at: Instant,
  }),
  'credence.policy.approval.approved.v1': z.strictObject({ approval: ApprovalId, human: HumanId }),
  'credence.policy.approval.refused.v1': z.strictObject({ approval: ApprovalId, human: HumanId }),
  'credence.policy.approval.used.v1': z.strictObject({ approval: ApprovalId, decision: DecisionId }),
} as const

const riskEvents = {
  'credence.policy.risk.raised.v1': z.strictObject({
    agent: AgentId,
    /** Who says so: SPIFFE ID or pseudonym. */
    source: z.string(),
    code: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be like "unusual_hours"'),
    level: RiskLevel,
    explanation: Prose,
    raised_at: Instant,
    decay_seconds: z.int().positive(),
  }),
  'credence.policy.risk.cleared.v1': z.strictObject({ agent: AgentId, source: z.string(), code: z.string() }),
} as const

export const policyEvents = {
  ...policySetEvents,
  'credence.policy.location.defined.v1': z.strictObject({
    name: Slug,
    ranges: z.array(z.string()),
    trusted: z.boolean(),
  }),
  ...taskEvents,
  ...approvalEvents,
  ...riskEvents,
} as const
