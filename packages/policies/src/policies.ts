/** What policies are asked, what they say, and what their annotations mean. How they are evaluated is another file's matter. */
import type { Composition, Sensitivity, Trigger } from '@credence/contracts/events/values'
import type { Agent } from '@credence/contracts/principals/agent'

/** A named network; "unknown" and not trusted where none fits. */
export type Place = { name: string; trusted: boolean }

/** What policies may read of an agent. */
export type AgentFacts = Pick<
  Agent,
  | 'agent'
  | 'blueprint'
  | 'purpose'
  | 'sponsor'
  | 'owner'
  | 'kind'
  | 'autonomy'
  | 'model'
  | 'labels'
  | 'prompt_digest'
  | 'tool_manifest_digest'
>

/** How the human signed in when they gave the delegation (OpenID Connect Core §2: acr, amr, auth_time). */
export type SignIn = { acr?: string; amr?: string[]; at: string }

/**
 * What policies may read of the newest attestation result: kinds of evidence that passed, its age in milliseconds, what the
 * agent is made of, and how good the word about its model is.
 */
export type AttestationFacts = {
  status: string
  kinds: readonly string[]
  age: number
  composition?: Partial<Composition>
  modelGrade?: string
}

/** Everything that policies may read. Plain data: the same input gives the same verdict, today and in ten years. */
export type PolicyInput = {
  now: Date
  agent: AgentFacts
  /** How often the delegation was passed on. */
  depth: number
  human?: { human: string; groups: string[] }
  signIn?: SignIn
  task?: { purpose: string; trigger: Trigger }
  action: string
  resource: { type: string; id: string; sensitivity: Sensitivity; properties?: string }
  /** The resource server. */
  audience: string
  /** JSON object text, as the enforcement point told it; the schema says what may be in it. */
  arguments?: string
  amount?: { currency: string; value: string }
  location: Place
  enforcementPoint: { id: string; location: Place }
  attestation?: AttestationFacts
  risk: { level: number; codes: string[] }
}

/** All policies that applied, by effect, and those whose evaluation failed. */
export type Verdict = {
  permits: string[]
  forbids: string[]
  errors: string[]
  /** Forbids among the errors: Cedar passes over them, Credence does not. */
  erroredForbids: string[]
  /**
   * Parts of the question that do not fit the schema of this version, so that no policy was asked: the lists above are
   * empty then, and the decision has to be a denial. Absent: all fit.
   */
  misfits?: Misfit[]
}

/** Which part of a question does not fit the schema. The problem names members that the schema declares, never a value. */
export type Misfit = { part: 'amount' | 'arguments' | 'properties' | 'resource'; problem: string }

/** Cedar's own verdict: forbid beats permit, deny by default, what errors is passed over. */
export const cedarAllows = ({ permits, forbids }: Verdict): boolean => permits.length > 0 && forbids.length === 0

export type Obligation = {
  id: string
  type: 'log_more' | 'mask_fields' | 'limit_rows'
  properties: Record<string, string>
}

/** Who has to approve before a forbid is lifted. */
export type ApprovalRule = { approver: string; persons: number; withinSeconds: number }

/** What the annotations of one policy say, beyond permit and forbid. */
export type Meaning = {
  /** On a forbid: `@require_approval("<delegator or role>")`, `@approvals("2")`, `@approval_within("900")` seconds. */
  approval?: ApprovalRule
  /** On a permit: `@log_more("…")`, `@mask_fields("a b")`, `@limit_rows("100")`. */
  obligations: Obligation[]
  /** On a permit: `@relied_seconds("30")`; 0 without. */
  reliedSeconds: number
}

/** One version of the policies, ready to be asked. */
export type LoadedPolicies = {
  version: string
  /** Name and version of what evaluates them. */
  engine: string
  evaluate(input: PolicyInput): Verdict
  meaningOf(policyId: string): Meaning
  /** Ids of the actions that the schema of this version declares, for searches. */
  actions: readonly string[]
  /** False for what no permit can ever reach, whatever its conditions say. Names may end in a star. */
  mayPermit(part: { agent: string; blueprint: string; action: string; resource: string }): boolean
}

/** What the checks say of one policy, or (without a policy) of the set as a whole. */
export type Finding = { severity: 'error' | 'warning'; code: FindingCode; policy: string; message: string }

/** docs/policies.md says of each what it proves. */
export type FindingCode =
  | 'syntax'
  | 'schema'
  | 'limit'
  | 'id'
  | 'template'
  | 'action'
  | 'type'
  | 'unreachable'
  | 'shadowed'
  | 'always_true'
  | 'may_error'
  | 'annotation'
  | 'approval_on_permit'
  | 'obligation_on_forbid'
