/** What a profile asks for: a rule over kinds of evidence, each with its own parameters and freshness. */
import { z } from 'zod'
import { AnchorId, EarStatus, Sensitivity, Slug } from '../events/values.ts'
import { type EvidenceKind, ModelGrade, PcrBank, PcrIndex } from './kinds.ts'

export const MAX_RULE_DEPTH = 4
export const MAX_LEAVES = 32
export const MAX_AGE_SECONDS = 30 * 86_400

const AgeSeconds = z.int().min(1, 'must be at least 1').max(MAX_AGE_SECONDS, `must be at most ${MAX_AGE_SECONDS}`)
/** The worst status that is still enough; an agent never gets anything on less. */
export const AcceptableStatus = EarStatus.extract(['affirming', 'warning'], { error: 'must be affirming or warning' })
export type AcceptableStatus = z.infer<typeof AcceptableStatus>

const Signers = z.array(AnchorId).min(1).max(16)
const Pattern = z.string().min(1).max(512)
const Patterns = z.array(Pattern).min(1, 'must not be empty').max(32)
/** Of every kind: how old the piece may be, and how good it must be. */
const common = { maximum_age_seconds: AgeSeconds.optional(), worst_acceptable_status: AcceptableStatus.optional() }

const leaves = {
  software: z.strictObject({ kind: z.literal('software'), ...common }),
  'agent-manifest': z.strictObject({ kind: z.literal('agent-manifest'), signers: Signers.optional(), ...common }),
  'model-signing': z.strictObject({
    kind: z.literal('model-signing'),
    /** The least that is enough. */
    grade: ModelGrade,
    signers: Signers.optional(),
    ...common,
  }),
  'container-image': z.strictObject({
    kind: z.literal('container-image'),
    /** Exact, or ending in `*`. */
    builders: Patterns,
    sources: Patterns,
    signers: Signers.optional(),
    ...common,
  }),
  'kubernetes-sat': z.strictObject({
    kind: z.literal('kubernetes-sat'),
    /** `namespace/name` */
    service_accounts: z
      .array(z.string().regex(/^[a-z0-9-]{1,63}\/[a-z0-9.-]{1,253}$/, 'must be like "namespace/name"'))
      .min(1, 'must not be empty')
      .max(32),
    reviewed: z.boolean().optional(),
    ...common,
  }),
  'spiffe-svid': z.strictObject({
    kind: z.literal('spiffe-svid'),
    /** SPIFFE IDs, exact, or ending in `/*`: what lies below, on the border of a segment. */
    ids: z
      .array(
        Pattern.regex(
          /^spiffe:\/\/[a-z0-9._-]{1,255}(\/[A-Za-z0-9._-]+)*\/([A-Za-z0-9._-]+|\*)$/,
          'must be like "spiffe://domain/path" or "spiffe://domain/path/*"',
        ),
      )
      .min(1, 'must not be empty')
      .max(32),
    key_bound: z.boolean().optional(),
    ...common,
  }),
  'tpm2-quote': z.strictObject({
    kind: z.literal('tpm2-quote'),
    bank: PcrBank,
    /** Exactly these PCRs must be quoted, in this order. */
    pcrs: z
      .array(PcrIndex)
      .min(1, 'must not be empty')
      .max(24)
      .refine((all) => all.every((index, at) => at === 0 || index > (all[at - 1] as number)), 'must increase'),
    certified: z.boolean().optional(),
    ...common,
  }),
} as const satisfies Record<EvidenceKind, z.ZodType>

export type RequirementOf<K extends EvidenceKind> = z.infer<(typeof leaves)[K]>
export const Requirement = z.discriminatedUnion('kind', [
  leaves.software,
  leaves['agent-manifest'],
  leaves['model-signing'],
  leaves['container-image'],
  leaves['kubernetes-sat'],
  leaves['spiffe-svid'],
  leaves['tpm2-quote'],
])
export type Requirement = z.infer<typeof Requirement>

export type Rule = { all_of: Rule[] } | { any_of: Rule[] } | Requirement
const Parts: z.ZodType<Rule[]> = z.lazy(() => z.array(AnyRule).min(1, 'must not be empty').max(MAX_LEAVES))
const AnyRule: z.ZodType<Rule> = z.union([
  z.strictObject({ all_of: Parts }),
  z.strictObject({ any_of: Parts }),
  Requirement,
])

const depthOf = (rule: Rule): number => {
  const parts = partsOf(rule)
  return parts ? 1 + Math.max(...parts.map(depthOf)) : 1
}
/** The parts that a rule combines; undefined for one that asks for a kind. */
export const partsOf = (rule: Rule): Rule[] | undefined =>
  'all_of' in rule ? rule.all_of : 'any_of' in rule ? rule.any_of : undefined

/** All that a rule asks for, whichever way it is combined. */
export const leavesOf = (rule: Rule): Requirement[] => partsOf(rule)?.flatMap(leavesOf) ?? [rule as Requirement]

export const Rule: z.ZodType<Rule> = AnyRule.refine(
  (rule) => depthOf(rule) <= MAX_RULE_DEPTH,
  `must be at most ${MAX_RULE_DEPTH} deep`,
).refine((rule) => leavesOf(rule).length <= MAX_LEAVES, `must ask for at most ${MAX_LEAVES} pieces`)

/** What resources of a sensitivity, and of every higher one that has no word of its own, ask for beside. */
export const SensitivityRule = z.strictObject({
  sensitivity: Sensitivity,
  rule: Rule.optional(),
  worst_acceptable_status: AcceptableStatus,
  maximum_age_seconds: AgeSeconds,
})
export type SensitivityRule = z.infer<typeof SensitivityRule>

export const ProfileParts = z.strictObject({
  blueprint: Slug,
  rule: Rule,
  worst_acceptable_status: AcceptableStatus,
  /** How long a result counts. */
  maximum_age_seconds: AgeSeconds,
  sensitivities: z
    .array(SensitivityRule)
    .max(4)
    .refine(
      (all) => new Set(all.map(({ sensitivity }) => sensitivity)).size === all.length,
      'must name each sensitivity once',
    ),
})
export type ProfileParts = z.infer<typeof ProfileParts>
