/** The decision records of DECISIONS. */
import { z } from 'zod'
import {
  ApprovalId,
  DecisionId,
  DelegationId,
  EarStatus,
  HumanId,
  Instant,
  ResultId,
  RiskLevel,
  Sensitivity,
  Sha256,
  TaskId,
} from './values.ts'

const Place = z.strictObject({ name: z.string(), trusted: z.boolean() })
const Outcome = z.enum(['allow', 'deny', 'ask'])

/** What Cedar said, whatever Credence makes of it: all policies that applied, and those that could not be evaluated. */
const Verdict = z.strictObject({
  permits: z.array(z.string()),
  forbids: z.array(z.string()),
  errors: z.array(z.string()),
  /** Forbids among `errors` whose scope fits: they deny, where Cedar alone would pass over them. */
  errored_forbids: z.array(z.string()),
  /** Parts of the question that do not fit the schema, so that no policy was asked. */
  misfits: z.array(z.enum(['amount', 'arguments', 'properties', 'resource'])).optional(),
})

/** One decision. With the snapshot and the policies that it names it can be explained, and recomputed. */
export const decisionEvents = {
  'credence.policy.decision.made.v1': z.strictObject({
    decision: DecisionId,
    outcome: Outcome,
    reasons: z.array(z.string()),
    protocol: z.enum(['grpc', 'stream', 'authzen', 'ext_authz']),
    agent: z.string(),
    token: z.string(),
    grant: z.string(),
    task: TaskId.optional(),
    delegations: z.array(DelegationId),
    human: HumanId.optional(),
    action: z.string(),
    resource: z.string(),
    sensitivity: Sensitivity,
    /** The resource server. */
    audience: z.string(),
    /** Where the agent's socket is, and where the enforcement point's: "unknown" when no named location fits. */
    location: Place,
    enforcement_point: z.string(),
    enforcement_point_location: Place,
    /** Present when amount, arguments or properties were told: the keyed digest of the act. They lie in `policy_acts`, by decision. */
    act: Sha256.optional(),
    attestation: z.strictObject({ result: ResultId, status: EarStatus, expires_at: Instant }).optional(),
    risk: RiskLevel.optional(),
    /** Empty while no policies are active. */
    policy_version: z.string(),
    engine: z.string(),
    verdict: Verdict.optional(),
    /** What versions in report-only would have decided. */
    reports: z.array(z.strictObject({ version: Sha256, outcome: Outcome, verdict: Verdict })).optional(),
    /** SHA-256 of the entity snapshot (RFC 8785 form) that lies in SNAPSHOTS. */
    snapshot: Sha256,
    /** What else the decision knew. */
    token_revoked: z.boolean(),
    stale: z.array(z.string()),
    /** Uses counted before this one, where something is limited, by "<node>/<detail>". */
    used: z.record(z.string(), z.strictObject({ count: z.int(), total: z.string().optional() })).optional(),
    /** The approval of exactly this act that policies asked for, as it stood. */
    approval: z
      .strictObject({
        approval: ApprovalId,
        standing: z.enum(['pending', 'approved', 'refused', 'expired', 'used']),
        approver: z.string(),
        persons: z.int(),
        approved_by: z.array(HumanId),
      })
      .optional(),
    supported_obligations: z.array(z.string()).optional(),
    obligations: z
      .array(z.strictObject({ id: z.string(), type: z.string(), properties: z.record(z.string(), z.string()) }))
      .optional(),
    approval_needed: z
      .strictObject({ policy: z.string(), approver: z.string(), persons: z.int(), within_seconds: z.int() })
      .optional(),
    relied_until: Instant.optional(),
    /** How far the decision point had read each stream. */
    positions: z.record(z.string(), z.int()),
    request: z.string().optional(),
  }),
} as const
